"""The file `.env`: names and values, with every mistake in it as a sentence that names the line."""

import io
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from dotenv.parser import Binding

_LARGEST_BYTES: Final = 1024 * 1024


@attrs.frozen
class EnvFile:
    """What a `.env` file says.

    Attributes:
        values: What is set, by name.
        findings: What is wrong with the file.
    """

    values: dict[str, str] = attrs.Factory(dict)
    findings: list[str] = attrs.Factory(list)


def read_env_file(path: Path | None, prefix: str) -> EnvFile:
    """Read a file of lines ``NAME=value`` in UTF-8; one that does not exist says nothing.

    Args:
        path: The file; None stands for one that does not exist.
        prefix: How the names begin that are read strictly. Other programs' names are theirs.
    """
    try:
        content = _content(path) if path else None
    except OSError as error:
        return EnvFile(findings=[f"{path}: cannot be read ({error.strerror}): make it a file that this user can read"])
    except ValueError as error:
        return EnvFile(findings=[f"{path}: {error}"])
    if content is None:
        return EnvFile()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return EnvFile(findings=[f"{path}, {_not_utf8(content, error)}: save it as UTF-8"])
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        return EnvFile(findings=[f"{path}, line {line}: has a byte of value zero: save it as UTF-8 text"])
    return _parsed(path, text, prefix)


def _content(path: Path) -> bytes | None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    # A pipe could keep the service waiting; /dev/null is how some deployments say that there is no file.
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        raise ValueError("is not a file: put a file of NAME=value lines there, or nothing")
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"is larger than {_LARGEST_BYTES} bytes: keep only NAME=value lines there")
    return content


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "line 1: is UTF-16"
    return f"line {content.count(b'\n', 0, error.start) + 1}: has a byte that is not UTF-8"


def _parsed(path: Path | None, text: str, prefix: str) -> EnvFile:
    from dotenv import dotenv_values  # noqa: PLC0415 - only where there is such a file
    from dotenv.parser import parse_stream  # noqa: PLC0415 - the same

    findings = [f"{path}, {finding}" for finding in _findings(parse_stream(io.StringIO(text)), prefix)]
    values = dotenv_values(stream=io.StringIO(text), verbose=False)
    return EnvFile({name: value for name, value in values.items() if value is not None}, findings)


def _findings(bindings: "Iterator[Binding]", prefix: str) -> Iterator[str]:
    seen: dict[str, int] = {}
    for binding in bindings:
        line = _line(binding)
        name = binding.key or ""
        if binding.error:
            yield f"line {line}: is not of the form NAME=value: mend it, or begin it with #"
        elif name.startswith(prefix) and binding.value is None:
            yield f"line {line}: {name} has no value: write {name}=value, or remove the line"
        elif name.startswith(prefix) and name in seen:
            yield f"line {line}: {name} is set in line {seen[name]} already: remove one of the two"
        seen[name] = line


def _line(binding: "Binding") -> int:
    """Return where it stands; what is parsed begins with the empty lines before it."""
    before = re.match(r"\s*", binding.original.string)
    skipped = len(re.findall(r"\r\n|\n|\r", before[0])) if before else 0
    return binding.original.line + skipped
