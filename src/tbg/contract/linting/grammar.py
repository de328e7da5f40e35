"""The objects of OpenAPI 3.1.1 (section 4.8) and their fixed fields, and a walk over all of them in a document."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

import attrs

Path = tuple[object, ...]
"""Keys and indexes from the root of the document."""

# By object, its fields: what stands there is a plain value (""), one object ("Info"), a list of such ("[Tag]") or a map
# of names to such ("{Header}"). "*" stands for every key that is no extension.
_FIELDS: Final[Mapping[str, str]] = {
    "OpenAPI": "openapi info:Info jsonSchemaDialect servers:[Server] paths:Paths webhooks:{Path-Item} "
    "components:Components security tags:[Tag] externalDocs:External-Documentation",
    "Info": "title summary description termsOfService contact:Contact license:License version",
    "Contact": "name url email",
    "License": "name identifier url",
    "Server": "url description variables:{Server-Variable}",
    "Server-Variable": "enum default description",
    "Components": "schemas:{Schema} responses:{Response} parameters:{Parameter} examples:{Example} "
    "requestBodies:{Request-Body} headers:{Header} securitySchemes:{Security-Scheme} links:{Link} callbacks:{Callback} "
    "pathItems:{Path-Item}",
    "Paths": "*:Path-Item",
    "Path-Item": "$ref summary description get:Operation put:Operation post:Operation delete:Operation "
    "options:Operation head:Operation patch:Operation trace:Operation servers:[Server] parameters:[Parameter]",
    "Operation": "tags summary description externalDocs:External-Documentation operationId parameters:[Parameter] "
    "requestBody:Request-Body responses:Responses callbacks:{Callback} deprecated security servers:[Server]",
    "External-Documentation": "description url",
    "Parameter": "name in description required deprecated allowEmptyValue style explode allowReserved schema:Schema "
    "example examples:{Example} content:{Media-Type}",
    "Request-Body": "description content:{Media-Type} required",
    "Media-Type": "schema:Schema example examples:{Example} encoding:{Encoding}",
    "Encoding": "contentType headers:{Header} style explode allowReserved",
    "Responses": "*:Response",
    "Response": "description headers:{Header} content:{Media-Type} links:{Link}",
    "Callback": "*:Path-Item",
    "Example": "summary description value externalValue",
    "Link": "operationRef operationId parameters requestBody description server:Server",
    "Header": "description required deprecated style explode allowReserved schema:Schema example examples:{Example} "
    "content:{Media-Type}",
    "Tag": "name description externalDocs:External-Documentation",
    "Discriminator": "propertyName mapping",
    "XML": "name namespace prefix attribute wrapped",
    "Security-Scheme": "type description name in scheme bearerFormat flows:OAuth-Flows openIdConnectUrl",
    "OAuth-Flows": "implicit:OAuth-Flow password:OAuth-Flow clientCredentials:OAuth-Flow authorizationCode:OAuth-Flow",
    "OAuth-Flow": "authorizationUrl tokenUrl refreshUrl scopes",
    # JSON Schema 2020-12 (core, validation) and OpenAPI's own vocabulary; the last line is of earlier drafts.
    "Schema": "$id $schema $ref $anchor $dynamicRef $dynamicAnchor $vocabulary $comment $defs:{Schema} "
    "type enum const multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems "
    "minItems uniqueItems maxContains minContains maxProperties minProperties required dependentRequired "
    "allOf:[Schema] anyOf:[Schema] oneOf:[Schema] not:Schema if:Schema then:Schema else:Schema "
    "dependentSchemas:{Schema} prefixItems:[Schema] items:Schema contains:Schema properties:{Schema} "
    "patternProperties:{Schema} additionalProperties:Schema propertyNames:Schema unevaluatedItems:Schema "
    "unevaluatedProperties:Schema format contentEncoding contentMediaType contentSchema:Schema title description "
    "default deprecated readOnly writeOnly examples discriminator:Discriminator xml:XML "
    "externalDocs:External-Documentation example",
}
FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    kind: {name: child for name, _, child in (field.partition(":") for field in fields.split())}
    for kind, fields in _FIELDS.items()
}
"""By object, what stands in each of its fields; nothing else may, except extensions."""

_REFERENCE: Final = frozenset(
    {"Parameter", "Request-Body", "Response", "Header", "Example", "Link", "Callback", "Security-Scheme"}
)
"""Objects in whose place a Reference Object may stand (4.8.23)."""


@attrs.frozen
class Node:
    """One object of a document.

    Attributes:
        kind: Which object of the specification: ``Operation``, ``Media-Type``, …
        path: Where it stands.
        value: The object.
    """

    kind: str
    path: Path
    value: Mapping[str, Any]

    @property
    def is_reference(self) -> bool:
        """Whether it is a Reference Object: everything else beside its `$ref` is ignored."""
        return self.kind in _REFERENCE and "$ref" in self.value

    def children(self) -> Iterator["Node"]:
        """Yield the objects that stand in this one, whatever is wrong with their place."""
        fields = FIELDS[self.kind]
        every = fields.get("*")
        for name, value in self.value.items():
            child = fields.get(name, "") if every is None or name.startswith("x-") else every
            if not child:
                continue
            path = (*self.path, name)
            if child[0] == "[":
                for index, each in enumerate(value if isinstance(value, list) else ()):
                    if isinstance(each, dict):
                        yield Node(child[1:-1], (*path, index), each)
            elif child[0] == "{":
                for key, each in value.items() if isinstance(value, dict) else ():
                    if isinstance(each, dict):
                        yield Node(child[1:-1], (*path, key), each)
            elif isinstance(value, dict):
                yield Node(child, path, value)


def nodes(content: Mapping[str, Any]) -> list[Node]:
    """Return every object of the document ``content``, each once, in the order of the file."""
    return list(_below([Node("OpenAPI", (), content)], None))


def reached(content: Mapping[str, Any], roots: Iterable[Node]) -> list[Node]:
    """Return ``roots`` and everything below them, across references, each once."""
    return list(_below(roots, content))


def _below(roots: Iterable[Node], content: Mapping[str, Any] | None) -> Iterator[Node]:
    """Go through the objects depth first; into references only if there is ``content`` to find their targets in."""
    seen = set[tuple[int, str]]()
    waiting = list(roots)[::-1]
    while waiting:
        node = waiting.pop()
        if (key := (id(node.value), node.kind)) in seen:
            continue
        seen.add(key)
        yield node
        waiting.extend(list(node.children())[::-1])
        if content is not None and (target := resolve(content, node)) is not None:
            waiting.append(target)


def resolve(content: Mapping[str, Any], node: Node) -> Node | None:
    """Return what the `$ref` of ``node`` names in the same document, if there is such a thing."""
    reference = node.value.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    target: Any = content
    path: list[object] = []
    for segment in unquote(reference).split("/")[1:]:
        key: Any = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(target, list):
            key = int(key) if key.isdecimal() else len(target)
        try:
            target = target[key]
        except (KeyError, IndexError, TypeError):
            return None
        path.append(key)
    return Node(node.kind, tuple(path), target) if isinstance(target, dict) else None
