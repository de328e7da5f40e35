"""What goes to Redis together, and which answer belongs to whom."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched, chain
from typing import Final

from redis.exceptions import NoScriptError

from tbg.rate_limiting.questions import Question
from tbg.redis.channel import Channel
from tbg.redis.connector import Words
from tbg.redis.script import Script

_TOGETHER: Final = 100  # calls in one command: the server does nothing else in the meantime

type Groups = Sequence[Sequence[Question]]
"""The questions of each command."""


class Batch:
    """Some questions on their way over one connection.

    Attributes:
        channel: The connection.
        is_given_up: Whether nobody waits for it any more.
        unknown: What the server did not run, as it does not know the script; to be sent again, with the script.
    """

    def __init__(self, channel: Channel, groups: Groups, script: Script) -> None:
        self.channel = channel
        self.is_given_up = False
        self.unknown: list[Sequence[Question]] = []
        self._script = script
        self._groups = groups
        self._has_script = False

    @property
    def questions(self) -> Iterable[Question]:
        """All of them."""
        return chain.from_iterable(self._groups)

    @property
    def is_probe(self) -> bool:
        """Whether nobody asks but the lane itself."""
        return next(iter(self.questions)).is_probe

    def commands(self) -> list[Words]:
        """Return what is to be sent now."""
        if self.unknown:
            self._groups, self.unknown, self._has_script = self.unknown, [], True
        return list(self._commands())

    def _commands(self) -> Iterator[Words]:
        if self._has_script:
            yield self._script.load
        for group in self._groups:
            if group[0].is_asking:
                yield ("ASKING",)
            yield self._script.command([question.call for question in group])

    def answers(self, told: Sequence[object]) -> Iterator[tuple[Question, object]]:
        """Yield each question with its answer, but for the `unknown` ones."""
        rest = iter(told)
        loaded = next(rest) if self._has_script else None
        for group in self._groups:
            if group[0].is_asking:
                next(rest)
            answer = next(rest)
            if isinstance(answer, NoScriptError):
                if not self._has_script:
                    self.unknown.append(group)
                    continue
                answer = loaded if isinstance(loaded, Exception) else answer
            yield from zip(group, answer if isinstance(answer, list) else [answer] * len(group), strict=True)


def grouped(questions: Sequence[Question], *, together: bool) -> Groups:
    """Return the questions by command: those with as many keys and the same arguments, if they may go together."""
    if len(questions) == 1 or not together:
        return [[question] for question in questions]
    groups: dict[tuple[int, Sequence[str | int]], list[Question]] = {}
    for question in questions:
        keys, arguments = question.call
        groups.setdefault((len(keys), tuple(arguments)), []).append(question)
    return [some for group in groups.values() for some in batched(group, _TOGETHER)]
