"""The ways to read a form: by name, what each field can be."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.casting import Casters
from tbg.contract.fields import ANYTHING, Check, Field, compile_field
from tbg.contract.media_types import MULTIPART
from tbg.contract.parts import Part
from tbg.contract.raw import decode_nothing
from tbg.contract.readers import InvalidParameterError
from tbg.contract.schemas import Finding, compile_schema, schemas_of
from tbg.contract.shapes import (
    MISSING,
    Alternative,
    Schema,
    matcher,
    matching_members,
    member_schemas,
    other_members,
    pattern_names,
    property_names,
    written,
)
from tbg.contract.styles import Style, compile_style, style_of
from tbg.contract.text import nul_in_value

_MOST_WAYS: Final = 32
_PLACE: Final = "x-place"


@attrs.frozen
class Way:
    """One way to read a form.

    Attributes:
        named: The fields that the contract names.
        styled: Those of them that have a style, as query parameters do.
        by_pattern: Those whose names match a pattern.
        others: All others.
        defaults: The values of named fields that are not sent.
    """

    named: Mapping[str, Field]
    styled: Mapping[str, Style]
    by_pattern: Sequence[tuple[str, Field]]
    others: Field
    defaults: Mapping[str, object]
    _matchers: Sequence[tuple[Callable[[str], bool], Field]] = attrs.field(init=False, eq=False, repr=False)

    @_matchers.default
    def _compiled(self) -> Sequence[tuple[Callable[[str], bool], Field]]:
        return [(matcher(pattern), each) for pattern, each in self.by_pattern]

    def of(self, name: str) -> Field:
        """Return how the field ``name`` is read."""
        if (named := self.named.get(name)) is not None:
            return named
        return next((each for matches, each in self._matchers if matches(name)), self.others)

    def joined(self, other: "Way") -> "Way | None":
        """Return the way that reads what either reads; None if they disagree."""
        shared = self.named.keys() & other.named.keys()
        agree = (self.by_pattern, self.others, self.defaults) == (other.by_pattern, other.others, other.defaults)
        for mine, its in ((self.named, other.named), (self.styled, other.styled)):
            agree = agree and all(mine.get(name) == its.get(name) for name in shared)
        if not agree:
            return None
        named, styled = {**self.named, **other.named}, {**self.styled, **other.styled}
        return Way(named, styled, self.by_pattern, self.others, self.defaults)


class Ways:
    """Compiles the ways to read one form.

    Args:
        spec: The document.
        media_type: Of the form.
        media: Its Media Type Object.
    """

    def __init__(self, spec: SchemaPath, media_type: str, media: SchemaPath) -> None:
        self._spec = spec
        self._is_multipart = media_type == MULTIPART
        self._encodings = media / "encoding" if "encoding" in media else None
        self._casters = Casters(spec)
        self._styles: dict[tuple[object, ...], Style] = {}
        self._schemas = [written(media / "schema")] if "schema" in media else []

    def compile(self) -> list[Way]:
        """Return the ways in which the form can be read; most have one.

        Raises:
            ValueError: There are too many, or the contract asks for what OpenAPI does not define.
        """
        ways: list[Way] = []
        for alternative in self._casters.shapes.alternatives(self._schemas):
            way = self._way(alternative)
            for index, known in enumerate(ways):
                if joined := known.joined(way):
                    ways[index] = joined
                    break
            else:
                ways.append(way)
        if len(ways) > _MOST_WAYS:
            raise ValueError(f"the fields of a form can be read in more than {_MOST_WAYS} ways")
        return ways or [Way({}, {}, [], ANYTHING, {})]  # the schema is false

    def _way(self, alternative: Alternative) -> Way:
        members = {name: member_schemas(alternative, name) for name in property_names(alternative)}
        defaults = {name: self._default(schemas) for name, schemas in members.items()}
        patterns = pattern_names(alternative)
        return Way(
            {name: self._named(name, schemas) for name, schemas in members.items()},
            dict(self._styled(members)),
            [(pattern, self._unnamed(matching_members(alternative, pattern))) for pattern in patterns],
            self._unnamed(other_members(alternative)),
            {name: default for name, default in defaults.items() if default is not MISSING},
        )

    def _named(self, name: str, schemas: Sequence[Schema]) -> Field:
        encoding = self._encoding(name)
        if encoding is None:
            return compile_field(self._casters, name, schemas)
        content_type = (encoding / "contentType").read_str("")
        headers = (encoding / "headers").items() if "headers" in encoding and self._is_multipart else ()
        checks = [self._check(str(header), each) for header, each in headers if str(header).lower() != "content-type"]
        return compile_field(self._casters, name, schemas, content_type, checks)

    def _unnamed(self, schemas: Iterable[Schema]) -> Field:
        schemas = [schema for schema in schemas if isinstance(schema, Mapping) and schema]
        return compile_field(self._casters, "", schemas) if schemas else ANYTHING

    def _encoding(self, name: str) -> SchemaPath | None:
        return self._encodings / name if self._encodings is not None and name in self._encodings else None

    def _styled(self, members: Mapping[str, Sequence[Schema]]) -> Iterator[tuple[str, Style]]:
        """Yield the properties that are written as query parameters are: their content type does not count."""
        for name, schemas in members.items():
            encoding = self._encoding(name)
            if encoding is not None and any(each in encoding for each in ("style", "explode", "allowReserved")):
                yield name, self._style(name, schemas, encoding)

    def _style(self, name: str, schemas: Sequence[Schema], encoding: SchemaPath) -> Style:
        key = name, *map(id, schemas)
        if key not in self._styles:
            place = schemas[0] if len(schemas) == 1 else {"allOf": list(schemas)}
            spec = SchemaPath.from_dict({**self._spec.read_value(), _PLACE: place})
            style, explode = style_of(encoding, "query")
            # Nothing in a part is percent-encoded (appendix E).
            decode = decode_nothing if self._is_multipart else None
            self._styles[key] = compile_style(spec, spec / _PLACE, name, style, explode=explode, decode=decode)
            schemas_of(spec).compile()
        return self._styles[key]

    def _check(self, name: str, header: SchemaPath) -> Check:
        """Compile one header of a part."""
        if "schema" not in header:
            raise ValueError(f"the header '{name}' of a part has no schema")
        style, explode = style_of(header, "header")
        reading = compile_style(self._spec, header / "schema", name, style, explode=explode, location="header")
        validate = compile_schema(self._spec, header / "schema")
        is_required = (header / "required").read_bool(default=False)

        def check(part: Part) -> Finding | None:
            raw = part.headers.get(name.lower())
            if raw is None:
                return Finding("", "required", f"must be sent with the header {name}") if is_required else None
            try:
                value = reading.read({name: [raw]})
                findings = nul_in_value(value) or validate(value)
            except InvalidParameterError as invalid:
                findings = invalid.findings
            return Finding("", findings[0].code, f"header {name} {findings[0].detail}") if findings else None

        return check

    def _default(self, schemas: Iterable[Schema]) -> object:
        defaults = map(self._casters.shapes.default, schemas)
        return next((default for default in defaults if default is not MISSING), MISSING)
