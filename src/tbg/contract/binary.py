"""Bodies that are bytes: files of their own, judged by their size unless the schema looks inside."""

from collections.abc import Mapping

from jsonschema_path import SchemaPath

from tbg.contract.kinds import only_counted
from tbg.contract.schemas import Finding, Validate
from tbg.contract.shapes import Shapes, written
from tbg.contract.uploads import Disk, Spool, TooLargeError, UploadedFile, as_judged


class Binary:
    """A body of bytes, compiled."""

    def __init__(self, spec: SchemaPath, schema: SchemaPath | None, validate: Validate | None) -> None:
        self._validate = validate
        self._is_opaque = schema is None or only_counted(Shapes(spec.read_value()), [written(schema)])

    def decode(self, body: bytes, _parameters: Mapping[str, str]) -> bytes:
        """Return the bytes themselves."""
        return body

    def validate(self, value: object) -> tuple[Finding, ...]:
        """Judge bytes or a file as a string of as many characters."""
        return self._validate(as_judged(value)) if self._validate else ()

    def receive(
        self, content_type: str, _parameters: Mapping[str, str], disk: Disk, most_bytes: int
    ) -> "BinaryReading":
        """Begin to read one body."""
        return BinaryReading(self, content_type, Spool(disk), None if self._is_opaque else most_bytes)


class BinaryReading:
    """A file that arrives."""

    def __init__(self, binary: Binary, content_type: str, spool: Spool, most_bytes: int | None) -> None:
        self._binary, self._content_type, self._spool, self._most_bytes = binary, content_type, spool, most_bytes

    async def feed(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            TooLargeError: It must be looked at to be judged, and is too large for that.
            UploadStorageError: It cannot be kept.
        """
        self._spool.write(data)
        if self._most_bytes is not None and self._spool.size > self._most_bytes:
            raise TooLargeError
        await self._spool.settle()

    def finish(self) -> tuple[object, tuple[Finding, ...]]:
        """Return the file, and what is wrong with it."""
        size, is_opaque = self._spool.size, self._most_bytes is None
        file = UploadedFile(None, self._content_type, size, self._spool, 0, is_opaque=is_opaque)
        return file, self._binary.validate(file)

    def close(self) -> None:
        """Delete it."""
        self._spool.close()
