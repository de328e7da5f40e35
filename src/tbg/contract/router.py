"""Find the resource of a path by its raw segments (RFC 3986, sections 2.2 and 3.3).

A path is split at its slashes first, and each segment decoded after: ``%2F`` is data, as it is to a proxy that looks at
the raw path. An empty segment and a dot segment are no values; no client can count on sending these (5.2.4).
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, unquote_to_bytes

import falcon.asgi
import falcon.routing
from falcon._typing import MethodDict
from falcon.constants import COMBINED_METHODS
from falcon.responders import create_default_options, create_method_not_allowed

from tbg.contract.naming import argument_names
from tbg.contract.raw import PathText

Route = tuple[object, MethodDict, dict[str, Any], str | None]
"""The resource, its responders by method, the path's parameters, and the template."""

_METHODS: Final = (*COMBINED_METHODS, "QUERY")  # which Falcon does not know yet
_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")
_ENCODED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_PCHAR: Final = "%!$&'()*+,;=:@"  # beside the unreserved; "%" begins an encoding (RFC 3986, section 3.3)
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNREACHABLE: Final = re.compile(r"[?#\\\s\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_NO_VALUES: Final = frozenset({"", ".", ".."})


class _Leaf:
    """Where a template ends: what serves it, and the names of its parameters in their order."""

    def __init__(self, template: str, resource: object, names: tuple[str, ...], methods: MethodDict) -> None:
        self.template = template
        self.resource = resource
        self.names = names
        self.methods = methods

    def route(self, values: Iterable[str]) -> Route:
        """Return the route with the values of its parameters."""
        decoded = map(PathText.of, values)
        return self.resource, self.methods, dict(zip(self.names, decoded, strict=True)), self.template


class _Node:
    """What may follow the segments that lead here: a literal, a text with parameters in it, or one parameter."""

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.mixed: dict[tuple[str, ...], _Node] = {}
        self.parameter: _Node | None = None
        self.leaf: _Leaf | None = None

    def child(self, segment: str) -> "_Node":
        """Return the node for a segment of a template, made if need be; parameters' names make no difference."""
        texts = tuple(map(unquote, _PARAMETER.split(segment)[::2]))
        if len(texts) == 1:
            return self.literals.setdefault(unquote(segment), _Node())
        if texts == ("", ""):
            self.parameter = self.parameter or _Node()
            return self.parameter
        return self.mixed.setdefault(texts, _Node())


class Router(falcon.routing.CompiledRouter):
    """A router for `falcon.asgi.App`, with HEAD wherever there is GET (RFC 9110, section 9.1).

    Literals go before parameters, as OpenAPI 3.1 demands (section 4.8.8.1). A look-up takes time linear in the path,
    whatever the number of routes.

    Args:
        refusal_key: A key in the ASGI scope of requests that are not to be routed at all.
    """

    def __init__(self, refusal_key: str = "") -> None:
        super().__init__()  # nothing of it is used, but Falcon knows routers of this class only
        self._refusal_key = refusal_key
        self._root = _Node()
        self._most_segments = 0
        self._without_parameters: dict[bytes, tuple[object, MethodDict, str]] = {}

    def add_route(self, uri_template: str, resource: object, **_: Any) -> None:  # noqa: ANN401 - Falcon's signature
        """Serve a template.

        Raises:
            ValueError: The template cannot be matched, or another one matches the same paths.
            TypeError: A responder is no coroutine function.
        """
        node, segments = self._root, _segments(uri_template)
        for segment in segments:
            node = node.child(segment)
        if node.leaf is not None:
            raise ValueError(f"it matches the same paths as {node.leaf.template}")
        self._most_segments = max(self._most_segments, len(segments))
        names = tuple(argument_names(parameter_names(uri_template)).values())
        node.leaf = _Leaf(uri_template, resource, names, _responders(resource))
        if not names:
            self._without_parameters[uri_template.encode()] = resource, node.leaf.methods, uri_template

    def find(self, uri: str, req: falcon.Request | None = None) -> Route | None:
        """Return the route for a request, or for a decoded path; None if there is none."""
        return self.route({"path": uri} if req is None else req.scope)  # type: ignore[attr-defined]  # an ASGI request

    def route(self, scope: Mapping[str, Any]) -> Route | None:
        """Return the route for a request, known by its ASGI scope; None if there is none."""
        if self._refusal_key in scope:
            return None
        raw_path: bytes | None = scope.get("raw_path")
        path = quote(scope["path"]).encode() if raw_path is None else raw_path
        if (literal := self._without_parameters.get(path)) is not None:
            resource, methods, template = literal
            return resource, methods, {}, template
        if path.count(b"/") > self._most_segments or is_malformed(path):
            return None
        found = _walk(self._root, path.decode("latin-1").split("/"), 1, ())
        return found[0].route(found[1]) if found else None


def is_malformed(raw_path: bytes) -> bool:
    """Tell whether a path has an encoding that is none, or one of bytes that are not UTF-8."""
    if b"%" not in raw_path:
        return False
    if _BAD_PERCENT.search(raw_path):
        return True
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return True
    return False


def allowed_methods(resource_methods: Iterable[str]) -> list[str]:
    """Return what ``Allow`` lists, in every response alike: HEAD wherever there is GET."""
    methods = {*resource_methods, "OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def parameter_names(template: str) -> list[str]:
    """Return the names of a template's parameters."""
    return _PARAMETER.findall(template)


def _segments(template: str) -> list[str]:
    if not template.startswith("/"):
        raise ValueError("a path must begin with a slash")
    segments = template.split("/")[1:]
    for segment in segments:
        rest = _PARAMETER.sub("", segment)
        if "{" in rest or "}" in rest or "}{" in segment:
            raise ValueError("each brace must have its other, with a name between, and no two parameters may touch")
        if any(map(_UNREACHABLE.search, _PARAMETER.split(segment)[::2])) or segment in {".", ".."}:
            raise ValueError("no request can have this path: what a URI has no place for is written %3F, %23, %20, …")
    names = parameter_names(template)
    if len(names) != len(set(names)):
        raise ValueError("each of its parameters must have a name of its own")
    return segments


def _responders(resource: object) -> MethodDict:
    """Return what answers each method, those that the resource does not have included."""
    methods: Any = falcon.routing.map_http_methods(resource)
    for method, responder in methods.items():
        if not inspect.iscoroutinefunction(responder):
            raise TypeError(f"{type(resource).__name__}.on_{method.lower()} must be an async function")
    if "GET" in methods:
        methods.setdefault("HEAD", methods["GET"])
    allowed = allowed_methods(methods)
    methods.setdefault("OPTIONS", create_default_options(allowed, asgi=True))
    others: MethodDict = dict.fromkeys(_METHODS, create_method_not_allowed(allowed, asgi=True)) | methods
    return others


def _walk(
    node: _Node, segments: list[str], depth: int, values: tuple[str, ...]
) -> tuple[_Leaf, tuple[str, ...]] | None:
    """Return where ``segments`` lead; each node of the tree is seen once at most."""
    for segment in segments[depth:]:
        only = _only_child(node, segment)
        if only is None:
            break
        if only is node.parameter:
            values = (*values, segment)
        node, depth = only, depth + 1
    if depth == len(segments):
        return (node.leaf, values) if node.leaf is not None else None
    segment = segments[depth]
    for child, found in _children(node, segment):
        if (result := _walk(child, segments, depth + 1, (*values, *found))) is not None:
            return result
    return None


def _only_child(node: _Node, segment: str) -> _Node | None:
    """Return where a segment leads if that is plain to see, as it is nearly always; else None."""
    if node.mixed or "%" in segment:
        return None
    literal = node.literals.get(segment)
    if literal is None:
        return None if segment in _NO_VALUES else node.parameter
    return literal if node.parameter is None else None


def _children(node: _Node, segment: str) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """Yield where a raw segment leads, and the raw values in it."""
    text = unquote(segment) if "%" in segment else segment
    if (literal := node.literals.get(text)) is not None:
        yield literal, ()
    if text in _NO_VALUES:
        return
    for texts, mixed in node.mixed.items():
        if (found := _split_raw(segment, texts)) is not None:
            yield mixed, found
    if node.parameter is not None:
        yield node.parameter, (segment,)


def _normal(segment: str) -> str:
    """Encode what must be, decode what need not be, and write all encodings alike (RFC 3986, section 6.2.2)."""
    return _ENCODED.sub(_normal_octet, quote(segment, safe=_PCHAR))


def _normal_octet(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0].upper()


def _split_raw(segment: str, texts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the raw parameters between ``texts``, which may be encoded in ways of their own."""
    if "%" not in segment:
        return _split(segment, texts)
    found = _split(_normal(segment), tuple(map(_normal, texts)))
    if found is None and (decoded := _split(unquote(segment), texts)) is not None:
        return tuple(quote(each, safe="") for each in decoded)
    return found


def _split(segment: str, texts: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the parameters between ``texts``; the last ones are as short as can be: ``a.b.c -> ("a.b", "c")``."""
    first, *between, last = texts
    if not (segment.startswith(first) and segment.endswith(last) and len(segment) > len(first) + len(last)):
        return None
    rest = segment[len(first) : len(segment) - len(last)]
    found: list[str] = []
    for text in reversed(between):
        position = rest.rfind(text, 0, len(rest) - 1)
        if position < 1:
            return None
        found.append(rest[position + len(text) :])
        rest = rest[:position]
        if not found[-1]:
            return None
    return (rest, *reversed(found))
