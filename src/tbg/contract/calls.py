"""A request that satisfied the contract, as a responder sees it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from enum import Enum
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.preconf.json import make_converter
from cattrs.strategies import configure_union_passthrough

from tbg.contract.errors import InvalidRequestError
from tbg.contract.operations import Operation
from tbg.contract.schemas import Finding, pointer_of
from tbg.contract.uploads import UploadedFile

Path = tuple[object, ...]


class Unset(Enum):
    """The type of UNSET, which stands for "the client did not send this", as opposed to null."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET


def _make_converter(*, detailed: bool) -> Converter:
    converter = make_converter(detailed_validation=detailed)
    configure_union_passthrough(str | int | float | bool | None, converter)
    converter.register_structure_hook(UUID, lambda value, _: UUID(value))
    # RFC 3339 allows a lower-case "t" and "z", Python does not.
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value.upper()))
    converter.register_structure_hook(bytes, lambda value, _: _as_bytes(value))
    converter.register_structure_hook(UploadedFile, lambda value, _: _as_file(value))
    converter.register_structure_hook_factory(_may_be_unset, _structure_sent)
    return converter


def _as_bytes(value: Any) -> bytes:  # noqa: ANN401 - any value
    """Read a file; a memoryview of what holds no bytes is a TypeError."""
    return value.read() if isinstance(value, UploadedFile) else bytes(memoryview(value))


def _as_file(value: object) -> UploadedFile:
    if not isinstance(value, UploadedFile):
        raise TypeError("not a file")  # the class says so, the contract does not
    return value


def _may_be_unset(cls: object) -> bool:
    return get_origin(cls) in {Union, UnionType} and Unset in get_args(cls)


def _structure_sent(cls: Any, converter: Converter) -> Callable[[Any, Any], Any]:  # noqa: ANN401 - cattrs' signature
    """Leave Unset out of a union: what was sent is never that, and cattrs could not tell the members apart."""
    sent = reduce(or_, (member for member in get_args(cls) if member is not Unset))
    structure = converter.get_structure_hook(sent)
    return lambda value, _: structure(value, sent)


_converter = _make_converter(detailed=False)
_explaining_converter = _make_converter(detailed=True)  # two to three times slower, but it says what is wrong where


@attrs.frozen
class Call:
    """The typed content of one valid request.

    Attributes:
        operation: What was called.
        values: Parameters by their Python name; those that were not sent and have no default are absent.
        media: The decoded body, or None.
        close: Deletes the files that came with it; for who runs the application, when the request has ended.
    """

    operation: Operation
    values: Mapping[str, object]
    media: object = None
    close: Callable[[], None] = attrs.field(default=lambda: None, repr=False)

    def parameters[T](self, cls: type[T]) -> T:
        """Return the parameters as ``cls``, an attrs class whose fields have the parameters' Python names.

        Raises:
            InvalidRequestError: A value satisfies the contract, but Python's type for it has no such value.
        """
        return _structure(self.values, cls, self._locate)

    def body[T](self, cls: type[T]) -> T:
        """Return the body as ``cls``: an attrs class, a list or union of such, or any other type cattrs knows.

        A field that the contract leaves optional has a default in ``cls``; with UNSET as its default, a client's null
        and a client's silence stay apart.

        Raises:
            InvalidRequestError: A value satisfies the contract, but Python's type for it has no such value.
        """
        return _structure(self.media, cls, lambda path: ("body", path))

    def _locate(self, path: Path) -> tuple[str, Path]:
        parameter = next(parameter for parameter in self.operation.parameters if parameter.field == path[0])
        return parameter.location, (parameter.name, *path[1:])


def _structure[T](value: Any, cls: type[T], locate: Callable[[Path], tuple[str, Path]]) -> T:  # noqa: ANN401 - the contract has judged it
    with suppress(Exception):
        return _converter.structure(value, cls)
    try:
        return _explaining_converter.structure(value, cls)
    except BaseValidationError as error:
        leaves = tuple(_leaves(error))
        if not all(isinstance(leaf, ValueError) for _, leaf in leaves):
            # The class asks for more than the contract does: that is our mistake, not the client's.
            raise TypeError(f"{cls} disagrees with the contract: {'; '.join(transform_error(error))}") from error
        # Such as the year 0 or a 61st second, which RFC 3339 has and Python's datetime has not.
        places = (locate(path) for path, _ in leaves)
        detail = "is not a value that can be represented"
        found = ((place, Finding(pointer_of(path), "format", detail)) for place, path in places)
        raise InvalidRequestError(found) from error


def _leaves(error: BaseException, path: Path = ()) -> Iterator[tuple[Path, BaseException]]:
    """Yield each basic error inside cattrs' groups with the path that their notes spell out."""
    if not isinstance(error, BaseExceptionGroup):
        yield path, error
        return
    for child in error.exceptions:
        notes = getattr(child, "__notes__", ())
        names = [getattr(note, "name", None) or getattr(note, "index", None) for note in notes]
        yield from _leaves(child, (*path, *(name for name in names if name is not None)))
