"""``readOnly`` and ``writeOnly``: annotations, which no verdict depends on; here is what their writer may not expect.

JSON Schema (validation, section 9.4) leaves it to the owner whether a ``readOnly`` member of a request is ignored or an
error; so does OpenAPI 3.1.1 (section 4.8.24, "Validating readOnly and writeOnly"). In 3.0, what is ``readOnly`` and
required was required of responses only.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from tbg.contract.pointers import follow

type Path = tuple[object, ...]
type Warned = tuple[Path, str]
"""Where in the document, and what is to be said of it."""

_ONE: Final = (
    *("items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains"),
    *("if", "then", "else", "not", "propertyNames"),
)
_SEVERAL: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "dependentSchemas")


def required_in_vain(document: Mapping[str, Any]) -> Iterator[Warned]:
    """Find what a client must send but cannot choose, and what an answer must tell although it is secret."""
    seen: dict[str, set[int]] = {"readOnly": set(), "writeOnly": set()}
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items() if isinstance(item, dict) else ():
            if not isinstance(operation, dict):
                continue
            place = ("paths", path, method)
            body = (*place, "requestBody"), operation.get("requestBody")
            responses = (
                ((*place, "responses", status), each) for status, each in operation.get("responses", {}).items()
            )
            yield from _Search(document, "readOnly", seen).content(*body)
            for response in responses:
                yield from _Search(document, "writeOnly", seen).content(*response)


_SAID: Final = {
    "readOnly": "is readOnly, but required of requests, too (in OpenAPI 3.1): leave it out of 'required'",
    "writeOnly": "is writeOnly, but required of responses, too (in OpenAPI 3.1): leave it out of 'required'",
}


class _Search:
    """Looks for one of the two keywords; each schema is looked at once."""

    def __init__(self, document: Mapping[str, Any], keyword: str, seen: Mapping[str, set[int]]) -> None:
        self._document = document
        self._keyword = keyword
        self._seen = seen[keyword]

    def content(self, path: Path, owner: object) -> Iterator[Warned]:
        """Search a body or a response."""
        path, owner = self._resolved(path, owner)
        content = owner.get("content", {}) if isinstance(owner, dict) else {}
        for media_type, media in content.items():
            if isinstance(media, dict) and "schema" in media:
                yield from self._schema((*path, "content", media_type, "schema"), media["schema"])

    def _schema(self, path: Path, schema: object) -> Iterator[Warned]:
        if not isinstance(schema, dict) or id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        properties = schema.get("properties", {})
        for name in schema.get("required", ()):
            _, described = self._resolved(path, properties.get(name))
            if isinstance(described, dict) and described.get(self._keyword) is True:
                yield (*path, "properties", name), _SAID[self._keyword]
        for part_path, part in _parts(schema):
            yield from self._schema((*path, *part_path), part)
        if "$ref" in schema:
            yield from self._schema(*self._target(path, schema["$ref"]))

    def _resolved(self, path: Path, value: object) -> tuple[Path, object]:
        """Follow a reference, unless the keyword stands beside it."""
        hops = 0
        while isinstance(value, dict) and "$ref" in value and self._keyword not in value and hops < _MOST_HOPS:
            path, value = self._target(path, value["$ref"])
            hops += 1
        return path, value

    def _target(self, path: Path, reference: str) -> tuple[Path, object]:
        pointer = unquote(reference.removeprefix("#"))
        try:
            target = follow(self._document, pointer)
        except KeyError:  # somebody else's finding
            return path, None
        return tuple(each.replace("~1", "/").replace("~0", "~") for each in pointer.split("/")[1:]), target


_MOST_HOPS: Final = 20


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[Path, object]]:
    for keyword in _ONE:
        yield (keyword,), schema.get(keyword)
    for keyword in _SEVERAL:
        yield from (((keyword, position), each) for position, each in enumerate(schema.get(keyword, ())))
    for keyword in _NAMED:
        yield from (((keyword, name), each) for name, each in schema.get(keyword, {}).items())
