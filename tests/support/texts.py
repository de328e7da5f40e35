"""Values as text, and text as values."""

import json


def as_variable(value: object) -> str:
    """Return a setting's value as its environment variable holds it."""
    if isinstance(value, tuple | list | dict):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def json_lines(text: str) -> list[dict[str, object]]:
    """Parse every line; one that is not a JSON object fails the test, and shows itself."""
    parsed = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            raise AssertionError(f"not JSON: {line!r}") from None
        assert isinstance(value, dict), line
        parsed.append(value)
    return parsed
