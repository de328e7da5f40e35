"""Judge what leaves: status, media type, body and headers of a response against the contract."""

from collections.abc import Mapping

import attrs
from jsonschema_path import SchemaPath
from openapi_core.schema.parameters import get_style_and_explode

from tbg.contract.casting import deserializers, main_type
from tbg.contract.decoding import MalformedBodyError
from tbg.contract.media import Content, compile_content, match, parse_media_type
from tbg.contract.parameters import InvalidParameterError, Location, guarded, without_blanks
from tbg.contract.schemas import Finding, Validate, compile_schema


@attrs.frozen
class Breach:
    """How a response disagrees with the contract; it never holds a value.

    Attributes:
        operation_id: Whose response.
        status: Its HTTP status.
        part: ``status``, ``media type``, ``body`` or ``header <Name>``.
        pointer: JSON Pointer into the part.
        keyword: The JSON Schema keyword that failed, or what the contract lacks.
    """

    operation_id: str
    status: int
    part: str
    pointer: str
    keyword: str


@attrs.frozen
class Header:
    """One documented response header, compiled."""

    name: str
    required: bool
    validate: Validate

    def judge(self, headers: Mapping[str, str]) -> Finding | None:
        """Return what is wrong with this header among ``headers`` (lower-case names), if anything."""
        if self.name.lower() not in headers:
            return Finding("", "required", "is required") if self.required else None
        return next(iter(self.validate(headers[self.name.lower()])), None)


@attrs.frozen
class ResponseRule:
    """What one status of one operation may look like."""

    content: Content
    headers: tuple[Header, ...]

    def judge_body(self, body: bytes | None, content_type: str | None) -> tuple[str, Finding] | None:
        """Return the part and the finding that condemn a body, or None.

        Args:
            body: The bytes that would leave; None for a stream, whose bytes are not looked at.
            content_type: As the header says.
        """
        if not self.content:
            return ("body", Finding("", "content", "must be empty")) if body != b"" else None
        media_type, parameters = parse_media_type(content_type or "")
        media = match(self.content, media_type)
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
        for header in self.headers:
            if finding := header.judge(headers):
                return f"header {header.name}", finding
        return None


def compile_response(spec: SchemaPath, response: SchemaPath) -> ResponseRule:
    """Compile one response object; links and descriptions are for readers only."""
    content = compile_content(spec, response / "content") if "content" in response else {}
    headers = (response / "headers").items() if "headers" in response else ()
    return ResponseRule(content, tuple(_header(spec, str(name), header) for name, header in headers))


def _header(spec: SchemaPath, name: str, header: SchemaPath) -> Header:
    if "schema" not in header:
        raise ValueError(f"the header '{name}' has no schema")
    schema = header / "schema"
    style, explode = get_style_and_explode(header)
    deserializer = deserializers.create(spec, schema, style, explode, name=name)
    is_list = main_type(schema) in {"array", "object"}
    deserialize = guarded(without_blanks(name, deserializer.deserialize) if is_list else deserializer.deserialize)
    validate_value = compile_schema(spec, schema)

    def validate(raw: object) -> tuple[Finding, ...]:
        try:
            return validate_value(deserialize(Location({name: [str(raw)]})))
        except InvalidParameterError as invalid:
            return invalid.findings

    return Header(name, (header / "required").read_bool(default=False), validate)
