"""Bytes to JSON values and to text, with nothing worse than MalformedBodyError."""

from collections.abc import Mapping

import msgspec


class MalformedBodyError(Exception):
    """The bytes are not what their media type says; the message is fit for a client."""


def decode_json(body: bytes, _parameters: Mapping[str, str]) -> object:
    """Return the value that a JSON text stands for.

    Raises:
        MalformedBodyError: It is not JSON as RFC 8259 has it, or nested too deeply.
    """
    try:
        return msgspec.json.decode(body)
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The body is not valid UTF-8") from error
    except msgspec.DecodeError as error:
        # msgspec's words on syntax quote nothing of the body.
        reason = str(error).removeprefix("JSON is malformed: ")
        raise MalformedBodyError(f"The body is not valid JSON: {reason}") from error
    except RecursionError as error:
        raise MalformedBodyError("The body is nested too deeply") from error


def decode_text(body: bytes, _parameters: Mapping[str, str]) -> object:
    """Return the characters of a text.

    Raises:
        MalformedBodyError: It is not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The body is not valid UTF-8") from error
