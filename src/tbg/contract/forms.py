"""Forms, urlencoded or multipart: fields to an object, bounded in time and memory.

What the schema says of a field is looked for in all of it: behind references, in ``allOf``, by pattern. Where several
branches of a schema would read a field in different ways, each way is tried in turn until the schema accepts.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from jsonschema_path import SchemaPath

from tbg.contract.decoding import MalformedBodyError
from tbg.contract.fields import WrongPartError
from tbg.contract.media_types import URLENCODED
from tbg.contract.parts import Part, PartsReader
from tbg.contract.pointers import to_pointer
from tbg.contract.raw import MOST_FIELDS, decode_form
from tbg.contract.readers import InvalidParameterError
from tbg.contract.schemas import Finding, Validate, compile_schema, pointer_of
from tbg.contract.shapes import MISSING
from tbg.contract.text import nul_in_value
from tbg.contract.uploads import Disk, FileRule, Spool, UploadedFile
from tbg.contract.ways import Way, Ways

_UNLIMITED: Final = 2**63

type Verdict = tuple[object, tuple[Finding, ...]]
"""A value, and what is wrong with it."""


class Form:
    """The form that one body can hold, compiled.

    Raises:
        ValueError: The contract asks for what is not read.
    """

    def __init__(self, spec: SchemaPath, media_type: str, media: SchemaPath) -> None:
        self._is_urlencoded = media_type == URLENCODED
        schema = media / "schema" if "schema" in media else None
        self._validate: Validate = compile_schema(spec, schema) if schema is not None else lambda _: ()
        self._ways = Ways(spec, media_type, media).compile()
        fields = (each for way in self._ways for name, each in way.named.items() if name not in way.styled)
        self.unread = tuple(dict.fromkeys(each.name for each in fields if each.is_unread))

    def receive(
        self, _content_type: str, parameters: Mapping[str, str], disk: Disk, most_bytes: int
    ) -> "FormReading | MultipartReading":
        """Begin to read one body.

        Raises:
            MalformedBodyError: It cannot be one, by the parameters of its media type.
        """
        if self._is_urlencoded:
            return FormReading(self)
        return MultipartReading(self, parameters.get("boundary", ""), disk, most_bytes)

    def decode(self, body: bytes, parameters: Mapping[str, str]) -> Verdict:
        """Read a body that is there already."""
        reading = self.receive("", parameters, Disk(), _UNLIMITED)
        reading.take(body)
        return reading.finish()

    def file_of(self, part: Part) -> FileRule | None:
        """Tell how a part is judged as a file; None if it is none."""
        fields = [way.of(self._name(part.name)) for way in self._ways]
        if not all(each.is_file(part) for each in fields):
            return None
        lengths = fields[0].lengths
        return FileRule(lengths if all(each.lengths == lengths for each in fields) else None)

    def judge(self, parts: list[Part]) -> Verdict:
        """Return what ``parts`` stand for.

        Raises:
            MalformedBodyError: One of them is not what its media type says.
        """
        fields: dict[str, list[Part]] = {}
        for part in parts:
            fields.setdefault(self._name(part.name), []).append(part)
        refused: Verdict | None = None
        malformed: MalformedBodyError | None = None
        for way in self._ways:
            try:
                verdict = self._read(way, fields)
            except MalformedBodyError as error:
                malformed = malformed or error
                continue
            if not verdict[1]:
                return verdict
            refused = refused or verdict
        if refused is None:
            raise malformed or MalformedBodyError("The form cannot be read")
        return refused

    def _name(self, name: str) -> str:
        """Return the property that is meant: some clients percent-encode names (RFC 7578, section 2)."""
        if "%" not in name or any(name in way.named for way in self._ways):
            return name
        decoded = unquote(name)
        return decoded if any(decoded in way.named for way in self._ways) else name

    def _read(self, way: Way, fields: Mapping[str, list[Part]]) -> Verdict:
        values, findings = dict(way.defaults), list[Finding]()
        rest = _read_styled(way, fields, values, findings) if way.styled else fields
        for name, parts in rest.items():
            try:
                values[name] = way.of(name).read(parts)
            except WrongPartError as error:
                findings.append(error.finding)
        # What is not sent right is no value: the schema would only miss it.
        nul = nul_in_value(values) if _may_have_nul(fields) else ()
        return values, tuple(findings) or nul or self._judge(values)

    def _judge(self, values: Mapping[str, object]) -> tuple[Finding, ...]:
        """Judge a form: for its files, the schema is asked about text."""
        findings: list[Finding] = []
        judged: dict[str, object] = {}
        for name, value in values.items():
            if isinstance(value, list):
                judged[name] = [_as_text(each, (name, index), findings) for index, each in enumerate(value)]
            else:
                judged[name] = _as_text(value, (name,), findings)
        return tuple(findings) or self._validate(judged)


def _as_text(value: object, path: tuple[object, ...], findings: list[Finding]) -> object:
    if not isinstance(value, UploadedFile):
        return value
    if found := value.findings:
        findings += [Finding(pointer_of(path), each.code, each.detail) for each in found]
        return ""
    return value.judged


def _may_have_nul(fields: Mapping[str, list[Part]]) -> bool:
    """Look into what was sent, which is quicker than looking into all values; JSON has U+0000 as an escape only."""
    for name, parts in fields.items():
        texts = [part.data for part in parts if isinstance(part.data, str)]
        pieces = [part.data for part in parts if isinstance(part.data, bytes)]
        if "\0" in name or any("\0" in text or "\\u0000" in text for text in texts):
            return True
        if any(b"\0" in piece or b"\\u0000" in piece for piece in pieces):
            return True
    return False


def _read_styled(
    way: Way, fields: Mapping[str, list[Part]], values: dict[str, object], findings: list[Finding]
) -> Mapping[str, list[Part]]:
    """Read the fields that are written as query parameters are, and return those that are not."""
    rest = dict(fields)
    for name, style in sorted(way.styled.items(), key=lambda each: each[1].takes_others):
        taken = {
            key: [part.raw for part in rest.pop(key)]
            for key in list(rest)
            if style.takes(key) or (style.takes_others and key not in way.named)
        }
        try:
            value = style.read(taken)
        except InvalidParameterError as invalid:
            pointer = to_pointer([name])
            findings += [Finding(pointer + each.pointer, each.code, each.detail) for each in invalid.findings]
        else:
            if value is not MISSING:
                values[name] = value
    return rest


class FormReading:
    """A urlencoded form that arrives."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._body = bytearray()

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the body."""
        self.take(data)

    def take(self, data: bytes) -> None:
        """Do the same."""
        self._body += data

    def finish(self) -> Verdict:
        """Return the verdict on the whole body.

        Raises:
            MalformedBodyError: It is no such form.
        """
        return self._form.judge(_fields(bytes(self._body)))

    def close(self) -> None:
        """Do nothing: there are no files."""


class MultipartReading:
    """A multipart form that arrives: its files are put away at once.

    Raises:
        MalformedBodyError: The boundary is not valid.
    """

    def __init__(self, form: Form, boundary: str, disk: Disk, most_bytes: int) -> None:
        self._form = form
        self._spool = Spool(disk)
        self._reader = PartsReader(boundary, self._spool, form.file_of, most_bytes)

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            MalformedBodyError: It is no such form.
            TooLargeError: What is no file is too large.
            UploadStorageError: A file cannot be kept.
        """
        self.take(data)
        await self._spool.settle()

    def take(self, data: bytes) -> None:
        """Do the same, in memory."""
        self._reader.feed(data)

    def finish(self) -> Verdict:
        """Return the verdict on the whole body.

        Raises:
            MalformedBodyError: It is no such form.
        """
        return self._form.judge(self._reader.finish())

    def close(self) -> None:
        """Delete the files."""
        self._spool.close()


def _fields(body: bytes) -> list[Part]:
    """Split a urlencoded form, which is UTF-8 (WHATWG URL, section 5.1)."""
    if body.count(b"&") >= MOST_FIELDS:
        raise MalformedBodyError(f"The form has more than {MOST_FIELDS} fields")
    try:
        pairs = [pair.partition("=") for pair in body.decode().split("&") if pair]
        return [Part(decode_form(name), data=decode_form(value), raw=value) for name, _, value in pairs]
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The form is not valid UTF-8") from error
