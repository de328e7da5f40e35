"""Judge what leaves: status, media type, body and headers of a response against the contract."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.decoding import MalformedBodyError
from tbg.contract.matching import Find, finder
from tbg.contract.media import Content, Media, compile_content
from tbg.contract.memo import Memo
from tbg.contract.response_headers import CONTENT_LENGTH, SET_COOKIE, Header, HeaderCheck, compile_headers
from tbg.contract.schemas import Finding

# One for the whole process, not for each rule: together they hold 3 MB at most.
_bodies = Memo(entries=1024, longest=2048)
_LONGEST_TYPE: Final = 128
_headers = Memo(entries=1024, longest=128)
_MUST_BE_EMPTY: Final = "body", Finding("", "content", "must be empty")

BODILESS: Final = frozenset({204, 205, 304})
"""What has no content, whatever is documented (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5)."""


@attrs.frozen
class Breach:
    """How a response disagrees with the contract; it never holds a value.

    Attributes:
        operation_id: Whose response; empty if no operation's.
        status: Its HTTP status; 0 if what was set is none.
        part: ``status``, ``media type``, ``body`` or ``header <Name>``.
        pointer: JSON Pointer into the part.
        keyword: The JSON Schema keyword that failed, what the contract lacks, or what cannot be sent: ``characters`` or
            ``format`` of a header's value, its ``name``, the ``range`` of a status, the ``type`` of a stream.
    """

    operation_id: str
    status: int
    part: str
    pointer: str
    keyword: str


@attrs.frozen(eq=False)  # what is remembered of it is found by identity
class ResponseRule:
    """What one status of one operation may look like.

    Attributes:
        late_headers: Whether any is documented that Falcon adds to the others as they leave.
    """

    content: Content
    headers: tuple[Header, ...]
    late_headers: bool = attrs.field(init=False)
    media: Find[Media] = attrs.field(init=False, repr=False)
    _checks: tuple[tuple[str, HeaderCheck, bool, Header], ...] = attrs.field(init=False, repr=False)

    @media.default
    def _finder(self) -> Find[Media]:
        return finder(self.content)

    @late_headers.default
    def _has_late_headers(self) -> bool:
        return not {SET_COOKIE, CONTENT_LENGTH}.isdisjoint(header.name.lower() for header in self.headers)

    @_checks.default
    def _by_lower_name(self) -> tuple[tuple[str, HeaderCheck, bool, Header], ...]:
        return tuple((each.name.lower(), each.validate, each.comes_again, each) for each in self.headers)

    def judge_body(self, body: bytes | None, content_type: str | None) -> tuple[str, Finding] | None:
        """Return the part and the finding that condemn a body, or None.

        Args:
            body: The bytes that would leave; None for a stream, whose items are judged as they leave.
            content_type: As the header says.
        """
        content_type = content_type or ""
        if type(body) is not bytes or len(content_type) > _LONGEST_TYPE:
            return self._judge_body(body, content_type)
        # Of a large body its digest is remembered, which costs a tenth of judging it.
        text = (body,) if len(body) <= _bodies.longest else (len(body), sha256(body).digest())
        judged = (self, content_type, *text)
        if judged in _bodies:
            return None
        verdict = self._judge_body(body, content_type)
        if verdict is None:
            _bodies.keep(judged)
        return verdict

    def _judge_body(self, body: bytes | None, content_type: str) -> tuple[str, Finding] | None:
        if not self.content:
            return _MUST_BE_EMPTY if body != b"" else None
        media, parameters = self.media(content_type)
        if media is None:
            return "media type", Finding("", "content", "is not documented")
        if body is None or media.validate is None:
            return None
        try:
            finding = next(iter(media.validate(media.decode(body, parameters))), None)
        except MalformedBodyError:
            finding = Finding("", "format", "is malformed")
        return ("body", finding) if finding else None

    def judge_headers(self, headers: Mapping[str, Any]) -> tuple[str, Finding] | None:
        """Return the header and the finding that condemn ``headers``, or None.

        Args:
            headers: By lower-case name; ``set-cookie`` is the list of all.
        """
        for key, validate, comes_again, header in self._checks:
            raw = headers.get(key)
            if raw is None:
                if header.required:
                    return f"header {header.name}", Finding("", "required", "is required")
            elif not comes_again or (validate, raw) not in _headers:
                if findings := validate(raw):
                    return f"header {header.name}", findings[0]
                if comes_again and len(raw) <= _headers.longest:
                    _headers.keep((validate, raw))
        return None


def judge_nothing(body: bytes | None) -> tuple[str, Finding] | None:
    """Judge the body of a response that can have none."""
    return None if body == b"" else _MUST_BE_EMPTY


class Responses:
    """Compiles the response objects of one document; what several operations refer to, once."""

    def __init__(self, spec: SchemaPath) -> None:
        self._spec = spec
        self._rules: dict[int, ResponseRule] = {}
        self._headers: dict[tuple[str, int], Header] = {}

    def compile(self, response: SchemaPath) -> ResponseRule:
        """Compile one response object; links and descriptions are for readers only."""
        place = id(response.read_value())
        if place not in self._rules:
            content = compile_content(self._spec, response / "content") if "content" in response else {}
            headers = compile_headers(self._spec, response / "headers", self._headers) if "headers" in response else ()
            self._rules[place] = ResponseRule(content, headers)
        return self._rules[place]
