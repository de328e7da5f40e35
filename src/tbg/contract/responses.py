"""Judge what leaves: status, media type, body and headers of a response against the contract."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.decoding import MalformedBodyError
from tbg.contract.media import Content, Find, compile_content, finder
from tbg.contract.memo import Memo
from tbg.contract.openapi_casting import is_plain_text
from tbg.contract.readers import InvalidParameterError, Read
from tbg.contract.schemas import Finding, Validate, compile_schema
from tbg.contract.styles import compile_style, style_of

# One for the whole process, not for each rule: together they hold 3 MB at most.
_bodies = Memo(entries=1024, longest=2048)
_LONGEST_TYPE: Final = 128
_headers = Memo(entries=1024, longest=128)
_CHOICE: Final = frozenset({"const", "enum", "pattern"})  # keywords of text that takes longer to judge, and comes again


HeaderCheck = Callable[[Any], tuple[Finding, ...]]
"""Judge the text of one header."""


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


@attrs.frozen
class Header:
    """One documented response header, compiled.

    Attributes:
        comes_again: Whether its values are worth remembering: numbers and lists come again, ids don't.
    """

    name: str
    required: bool
    validate: HeaderCheck
    comes_again: bool


@attrs.frozen(eq=False)  # what is remembered of it is found by identity
class ResponseRule:
    """What one status of one operation may look like."""

    content: Content
    headers: tuple[Header, ...]
    _find: Find = attrs.field(init=False, repr=False)
    _checks: tuple[tuple[str, HeaderCheck, bool, Header], ...] = attrs.field(init=False, repr=False)

    @_find.default
    def _finder(self) -> Find:
        return finder(self.content)

    @_checks.default
    def _by_lower_name(self) -> tuple[tuple[str, HeaderCheck, bool, Header], ...]:
        return tuple((each.name.lower(), each.validate, each.comes_again, each) for each in self.headers)

    def judge_body(self, body: bytes | None, content_type: str | None) -> tuple[str, Finding] | None:
        """Return the part and the finding that condemn a body, or None.

        Args:
            body: The bytes that would leave; None for a stream, whose bytes are not looked at.
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
            return ("body", Finding("", "content", "must be empty")) if body != b"" else None
        media, parameters = self._find(content_type)
        if media is None:
            return "media type", Finding("", "content", "is not documented")
        if body is None or media.validate is None:
            return None
        try:
            finding = next(iter(media.validate(media.decode(body, parameters))), None)
        except MalformedBodyError:
            finding = Finding("", "format", "is malformed")
        return ("body", finding) if finding else None

    def judge_headers(self, headers: Mapping[str, str]) -> tuple[str, Finding] | None:
        """Return the header and the finding that condemn ``headers`` (lower-case names), or None."""
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
            headers = (response / "headers").items() if "headers" in response else ()
            self._rules[place] = ResponseRule(content, tuple(self._header(str(name), each) for name, each in headers))
        return self._rules[place]

    def _header(self, name: str, header: SchemaPath) -> Header:
        place = name, id(header.read_value())
        if place not in self._headers:
            self._headers[place] = _header(self._spec, name, header)
        return self._headers[place]


def _header(spec: SchemaPath, name: str, header: SchemaPath) -> Header:
    if "schema" not in header:
        raise ValueError(f"the header '{name}' has no schema")
    schema = header / "schema"
    validate: HeaderCheck = compile_schema(spec, schema)
    is_text = is_plain_text(schema)
    if not is_text:
        style, explode = style_of(header, "header")
        read = compile_style(spec, schema, name, style, explode=explode, location="header").read
        validate = _reading(read, name, validate)
    comes_again = not is_text or not _CHOICE.isdisjoint(schema.read_value())
    return Header(name, (header / "required").read_bool(default=False), validate, comes_again)


def _reading(read: Read, name: str, validate: Validate) -> HeaderCheck:
    def judge(raw: str) -> tuple[Finding, ...]:
        try:
            return validate(read({name: [raw]}))
        except InvalidParameterError as invalid:
            return invalid.findings

    return judge
