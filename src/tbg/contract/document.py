"""The contract as a file: read, joined, checked, and ready to be served."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec
import yaml
from jsonschema.exceptions import SchemaError
from jsonschema_path import SchemaPath
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tbg.contract.bundling import Bundle
from tbg.contract.exceptions import DocumentError
from tbg.contract.pointers import to_pointer, walk

# What may stand beside a "$ref" at the top of a schema: the reference is followed first, and only these are not lost.
_BESIDE_REFERENCE = frozenset({"$ref", "default", "title", "description", "deprecated", "example", "examples"})


@attrs.frozen
class Document:
    """A valid OpenAPI 3.1 document.

    Attributes:
        path: The file that people edit.
        files: Every file it is made of, ``path`` first.
        content: The whole document as plain values, references to other files joined in.
        spec: The same for openapi-core's factories.
        yaml: The document as YAML; the very bytes of ``path`` when it is a single file.
        json: The document as JSON.
    """

    path: Path
    files: tuple[Path, ...]
    content: dict[str, object] = attrs.field(repr=False)
    spec: SchemaPath = attrs.field(repr=False)
    yaml: bytes = attrs.field(repr=False)
    json: bytes = attrs.field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Document":
        """Read ``path`` and every file it refers to.

        Raises:
            DocumentError: Something cannot be read or is not valid OpenAPI 3.1; all findings are listed.
        """
        bundle = Bundle(path)
        content = bundle.document
        findings = bundle.problems or list(_findings(content))
        if findings or not isinstance(content, dict):
            raise DocumentError(f"The contract {path} cannot be used:", findings)
        single = len(bundle.files) == 1
        return cls(
            path=path,
            files=tuple(bundle.files),
            content=content,
            spec=SchemaPath.from_dict(content),
            yaml=path.read_bytes() if single else _dump(content),
            json=msgspec.json.encode(content),
        )

    def place(self, path: tuple[object, ...]) -> str:
        """Return where ``path`` stands: a stub, until there are lines."""
        return f"{self.path.name}:{to_pointer(path) or '/'}"


def strong_etag(body: bytes) -> str:
    """Return a strong entity tag (RFC 9110, section 8.8.3) without its quotes."""
    return hashlib.sha256(body).hexdigest()[:32]


def _dump(content: dict[str, object]) -> bytes:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, encoding="utf-8")


def _findings(content: object) -> Iterator[str]:
    if not isinstance(content, dict):
        yield "it is empty, or not a mapping at the top"
    elif not str(content.get("openapi", "")).startswith("3.1."):
        yield f"openapi: must be 3.1.x, not {content.get('openapi', 'missing')}"
    else:
        yield from _invalid_openapi(content)
        yield from _invalid_schemas(content)


def _invalid_openapi(content: dict[str, object]) -> Iterator[str]:
    for error in OpenAPIV31SpecValidator(content).iter_errors():
        place = to_pointer(getattr(error, "absolute_path", ())) or "/"
        yield f"{place}: {_short(str(getattr(error, 'message', error)))}"


def _invalid_schemas(content: dict[str, object]) -> Iterator[str]:
    """Find what the OpenAPI validator leaves alone: it does not look into schemas."""
    for path, mapping in walk(content):
        if path and (path[-1] == "schema" or path[:-1] == ("components", "schemas")):
            if unread := mapping.keys() - _BESIDE_REFERENCE if "$ref" in mapping else ():
                beside = ", ".join(sorted(unread))
                yield f"{to_pointer(path)}: {beside} beside $ref would not be enforced here: put both into allOf"
            if mapping.keys() == {"$ref"}:
                continue  # joining the files has followed it
            try:
                OAS31Validator.check_schema(mapping)
            except SchemaError as error:
                yield f"{to_pointer((*path, *error.absolute_path))}: {_short(error.message)}"


def _short(message: str, limit: int = 300) -> str:
    message = message.partition("\n")[0]
    return message if len(message) <= limit else message[: limit - 1] + "…"
