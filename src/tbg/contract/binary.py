"""Bodies that are bytes: files of their own, judged by their size unless the schema looks inside."""

from collections.abc import Mapping

from jsonschema_path import SchemaPath

from tbg.contract.kinds import lengths_of
from tbg.contract.schemas import Finding, Validate
from tbg.contract.shapes import Shapes, written
from tbg.contract.uploads import Disk, FileRule, Spool, TooLargeError, UploadedFile


class Binary:
    """A body of bytes, compiled."""

    def __init__(self, spec: SchemaPath, schema: SchemaPath | None, validate: Validate | None) -> None:
        self._validate = validate
        schemas = [] if schema is None else [written(schema)]
        self._rule = FileRule(lengths_of(Shapes(spec.read_value()), schemas))

    def decode(self, body: bytes, _parameters: Mapping[str, str]) -> bytes:
        """Return the bytes themselves."""
        return body

    def validate(self, value: object) -> tuple[Finding, ...]:
        """Judge bytes or a file as a string of as many characters."""
        if self._validate is None:
            return ()
        if isinstance(value, UploadedFile):
            return value.findings or self._validate(value.judged)
        return self._validate(value.decode("latin-1") if isinstance(value, bytes) else value)

    def receive(
        self, content_type: str, _parameters: Mapping[str, str], disk: Disk, most_bytes: int
    ) -> "BinaryReading":
        """Begin to read one body."""
        return BinaryReading(self, content_type, Spool(disk), self._rule, most_bytes)


class BinaryReading:
    """A file that arrives."""

    def __init__(self, binary: Binary, content_type: str, spool: Spool, rule: FileRule, most_bytes: int) -> None:
        self._binary, self._content_type, self._spool = binary, content_type, spool
        self._rule, self._most_bytes = rule, most_bytes

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            TooLargeError: It must be looked at to be judged, and is too large for that.
            UploadStorageError: It cannot be kept.
        """
        self._spool.write(data)
        if self._rule.lengths is None and self._spool.size > self._most_bytes:
            raise TooLargeError
        await self._spool.settle()

    def finish(self) -> tuple[object, tuple[Finding, ...]]:
        """Return the file, and what is wrong with it."""
        file = UploadedFile(None, self._content_type, self._spool.size, self._spool, 0, self._rule)
        return file, self._binary.validate(file)

    def close(self) -> None:
        """Delete it."""
        self._spool.close()
