"""Bodies by media type: bytes to values, for requests and responses alike.

What cannot be read cannot be judged, so nothing of it is let through: a request is refused with 415, a response is a
breach. The contract may still promise it.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import attrs
from jsonschema_path import SchemaPath

from tbg.contract.binary import Binary
from tbg.contract.casting import compile_caster
from tbg.contract.decoding import MalformedBodyError, decode_json, decode_text
from tbg.contract.forms import Form, Verdict
from tbg.contract.kinds import BINARY, STRUCTURED, Kinds, kinds_of
from tbg.contract.matching import distinct, parse_media_type
from tbg.contract.media_types import FORMS, JSON, MULTIPART, UTF8, is_json, is_text
from tbg.contract.nesting import is_bounded
from tbg.contract.schemas import Finding, Validate, compile_schema
from tbg.contract.sequences import SEQUENCES, Items, compile_sequence
from tbg.contract.shapes import Shapes, written
from tbg.contract.uploads import Disk

_BYTES: Final = frozenset({BINARY, "string", "null"})
_CAST: Final = frozenset({"integer", "number", "boolean"})
_RANGES_OF_JSON: Final = ("application/*", "*/*")

Decode = Callable[[bytes, Mapping[str, str]], object]
"""Turn a body and its media type's parameters (charset, boundary) into a value."""


class Reading(Protocol):
    """A body that arrives piece by piece, because the whole may be larger than the memory it may take."""

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""

    def finish(self) -> Verdict:
        """Return the value and what is wrong with it."""
        ...

    def close(self) -> None:
        """Delete what was kept."""


Receive = Callable[[str, Mapping[str, str], Disk, int], Reading]
"""Begin to read: a Content-Type, its parameters, where files go, how many bytes of other things are kept in memory."""


@attrs.frozen
class Media:
    """One entry of a ``content`` map, compiled; without a schema there is nothing to validate.

    Attributes:
        is_bounded: Whether nothing valid is nested deeper than the schema is.
        items: How what is streamed is judged piece by piece, if it can be.
        receive: How the body of a request is read and judged while it arrives, instead of `decode` and `validate`.
        keeps_files: Whether something of it may have to be put on disk.
        unread: Why no such body can be read; empty if it can.
        unread_fields: The fields of a form that cannot be read.
    """

    media_type: str
    decode: Decode = attrs.field(repr=False)
    validate: Validate | None = attrs.field(repr=False)
    is_bounded: bool = attrs.field(default=False, kw_only=True)
    items: Items | None = attrs.field(default=None, repr=False, kw_only=True)
    receive: Receive | None = attrs.field(default=None, repr=False, kw_only=True)
    keeps_files: bool = attrs.field(default=False, kw_only=True)
    unread: str = attrs.field(default="", kw_only=True)
    unread_fields: tuple[str, ...] = attrs.field(default=(), kw_only=True)


Content = Mapping[str, Media]
"""Compiled media by type or range and parameters (``application/json``, ``text/*``, ``*/*``), in one spelling."""


def compile_content(spec: SchemaPath, content: SchemaPath) -> Content:
    """Compile a ``content`` map; an entry without a schema takes any value.

    Raises:
        ValueError: Two entries are for the same media type, or an entry cannot be read.
    """
    entries = distinct((str(name), media) for name, media in content.items())
    compiled = {key: _compile_entry(spec, key, media) for key, media in entries.items()}
    for key in _RANGES_OF_JSON:
        # An object of any media type: JSON is one that can be read.
        if key in compiled and compiled[key].unread and JSON not in compiled:
            compiled[JSON] = _compile_entry(spec, JSON, entries[key])
    return compiled


def _compile_entry(spec: SchemaPath, key: str, media: SchemaPath) -> Media:
    media_type, parameters = parse_media_type(key)
    if "schema" in media and parameters.get("charset", "utf-8").lower() not in UTF8:
        raise ValueError(f"a body of {key} cannot be read: only UTF-8 can")
    if "schema" in media and media_type in SEQUENCES:
        sequence = compile_sequence(spec, media_type, media / "schema")
        return Media(media_type, sequence.decode, sequence.validate, items=sequence.items)
    return _compile(spec, media_type, media)


def _compile(spec: SchemaPath, media_type: str, media: SchemaPath) -> Media:
    if media_type in FORMS:
        form = Form(spec, media_type, media)
        return Media(
            media_type,
            form.decode,
            _findings_of,
            receive=form.receive,
            keeps_files=media_type == MULTIPART,
            unread_fields=form.unread,
        )
    schema = media / "schema" if "schema" in media else None
    validate = compile_schema(spec, schema) if schema is not None else None
    if is_json(media_type):
        return Media(media_type, decode_json, validate, is_bounded=schema is not None and _is_bounded(spec, schema))
    kinds = kinds_of(Shapes(spec.read_value()), [written(schema)]) if schema is not None else frozenset({BINARY})
    if _is_text(media_type, kinds, says_nothing=schema is None or written(schema) in ({}, True)):
        return Media(media_type, _text_decoder(spec, schema, kinds), validate)
    if kinds <= _BYTES:
        binary = Binary(spec, schema, validate)
        judge = binary.validate if validate else None
        return Media(media_type, binary.decode, judge, receive=binary.receive, keeps_files=True)
    return _unread(media_type, f"{media_type} is not read as {' or '.join(sorted(kinds - {'null'}))}")


def _is_bounded(spec: SchemaPath, schema: SchemaPath) -> bool:
    try:
        return is_bounded(Shapes(spec.read_value()), [written(schema)])
    except ValueError:  # there are too many alternatives to say
        return False


def _is_text(media_type: str, kinds: Kinds, *, says_nothing: bool) -> bool:
    """Tell whether a body is characters: its media type is text and the schema of text, or says nothing else."""
    if kinds <= STRUCTURED | {"null"}:
        return False
    if media_type.startswith("text/"):
        return kinds != {BINARY} or (says_nothing and media_type == "text/plain")
    return (is_text(media_type) or "*" in media_type) and "string" in kinds


def _text_decoder(spec: SchemaPath, schema: SchemaPath | None, kinds: Kinds) -> Decode:
    """Read numbers and the like, too: their text is JSON's (OpenAPI 3.1.1, appendix B)."""
    if schema is None or not kinds & _CAST:
        return decode_text
    cast_text = compile_caster(spec, schema)
    return lambda body, parameters: cast_text(decode_text(body, parameters))


def _unread(media_type: str, reason: str) -> Media:
    """Return an entry for what cannot be read, and so not judged."""

    def decode(_body: bytes, _parameters: Mapping[str, str]) -> object:
        raise MalformedBodyError(reason)

    return Media(media_type, decode, lambda _: (), unread=reason)


def _findings_of(verdict: object) -> tuple[Finding, ...]:
    """Return what a form has found already."""
    return cast("Verdict", verdict)[1]
