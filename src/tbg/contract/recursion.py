"""Find the schemas in which trying branch after branch could go on for ever, or nearly so.

A check without memory judges a value by a schema once for every way from the root to it. In a recursion in which two
ways take the same step, as ``oneOf: [{properties: {of: <itself>}}, {properties: {of: <itself>}}]`` does, their number
doubles with each level.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import attrs

_MOST_WAYS = 200


@attrs.frozen
class Step:
    """The first step into a value on the way from one definition to another.

    Attributes:
        kind: ``property``, ``properties`` (every one but those in ``names``), ``item`` or ``items``.
    """

    kind: str
    names: frozenset[str] = frozenset()

    def overlaps(self, other: "Step") -> bool:
        """Tell whether both may lead to the same part of a value."""
        one, two = sorted((self, other), key=lambda step: step.kind)
        match one.kind, two.kind:
            case "properties", "properties":
                return True
            case "properties", "property":
                return not two.names <= one.names
            case (("item" | "property"), kind) if kind == one.kind:
                return one.names == two.names
            case (("item" | "items"), "items"):
                return True
        return False


@attrs.frozen
class Way:
    """How one definition applies another.

    Attributes:
        step: The first step into the value; None if it is for the value itself.
        guards: By union, what the value must be tagged with for it.
    """

    step: Step | None = None
    guards: frozenset[tuple[int, tuple[str, str]]] = frozenset()

    def into(self, step: Step) -> "Way":
        """Return the way on into a part of the value."""
        return self if self.step is not None else Way(step, self.guards)

    def guarded(self, union: int, guard: tuple[str, str]) -> "Way":
        """Return the way on if the value is tagged so; only a guard of the value itself tells ways apart."""
        return self if self.step is not None else Way(None, self.guards | {(union, guard)})

    def excludes(self, other: "Way") -> bool:
        """Tell whether no value goes both ways."""
        mine = dict(self.guards)
        return any(union in mine and mine[union] != guard for union, guard in other.guards)


type Edges = Mapping[str, Sequence[tuple[Way, str]]]
"""By definition, those it applies."""


def components(edges: Edges) -> Iterator[list[str]]:  # noqa: C901 - one algorithm
    """Yield the definitions that lead to each other, together (Tarjan); those that lead to themselves at least."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in edges:
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(()))]
        while work:
            name, following = work[-1]
            if name not in index:
                index[name] = low[name] = len(index)
                stack.append(name)
                on_stack.add(name)
                following = iter([target for _, target in edges[name]])
                work[-1] = name, following
            for target in following:
                if target not in index:
                    work.append((target, iter(())))
                    break
                if target in on_stack:
                    low[name] = min(low[name], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    found = _pop_until(stack, name)
                    on_stack.difference_update(found)
                    if len(found) > 1 or any(target == name for _, target in edges[name]):
                        yield found


def _pop_until(stack: list[str], name: str) -> list[str]:
    found = [stack.pop()]
    while found[-1] != name:
        found.append(stack.pop())
    return found


def is_ambiguous(component: Iterable[str], edges: Edges) -> bool:
    """Tell whether two ways of a recursion take the same step.

    Raises:
        ValueError: A schema applies itself to the very same value.
    """
    members = set(component)
    ways = {name: list(islice(_ways(name, members, edges, ()), _MOST_WAYS)) for name in members}
    return any(map(_is_forked, ways.values()))


def _is_forked(ways: list[Way]) -> bool:
    return len(ways) == _MOST_WAYS or any(
        _meet(way, other) for number, way in enumerate(ways) for other in ways[:number]
    )


def _meet(one: Way, other: Way) -> bool:
    return one.step is not None and other.step is not None and one.step.overlaps(other.step) and not one.excludes(other)


def _ways(name: str, members: set[str], edges: Edges, above: tuple[str, ...]) -> Iterator[Way]:
    if name in above:
        raise ValueError("a schema refers to itself without end: it says nothing of any value")
    for way, target in edges[name]:
        if target not in members:
            continue
        if way.step is not None:
            yield way
        else:
            for further in _ways(target, members, edges, (*above, name)):
                yield Way(further.step, further.guards | way.guards)


def reaching(bad: Iterable[str], edges: Edges) -> set[str]:
    """Return the definitions that lead to one of ``bad``, and those themselves."""
    callers: dict[str, list[str]] = {}
    for name, following in edges.items():
        for _, target in following:
            callers.setdefault(target, []).append(name)
    found, queue = set(bad), list(bad)
    while queue:
        for caller in callers.get(queue.pop(), ()):
            if caller not in found:
                found.add(caller)
                queue.append(caller)
    return found
