"""Operations: what a contract says of one method on one path, compiled for use on every request."""

from collections.abc import Mapping

import attrs

from tbg.contract.claims import Claims
from tbg.contract.matching import Find, finder
from tbg.contract.media import Content, Media
from tbg.contract.naming import argument_names
from tbg.contract.parameters import Parameter
from tbg.contract.responses import ResponseRule
from tbg.contract.router import parameter_names


@attrs.frozen
class RequestBody:
    """What a request may carry."""

    required: bool
    content: Content
    media: Find[Media] = attrs.field(init=False, repr=False)

    @media.default
    def _finder(self) -> Find[Media]:
        return finder(self.content)


@attrs.frozen(eq=False)  # each is itself only, and quick to look up by
class Operation:
    """One method on one path.

    Attributes:
        operation_id: The name that generated clients use.
        method: Upper case.
        path: The template as the contract writes it.
        extensions: The operation's ``x-…`` values, for the service to interpret.
        parameters: Those of the path and its own.
        body: What the request may carry, or None.
        responses: By status (``200``), range (``4XX``) or ``default``.
        needs_query: Whether any parameter stands in the query, or nothing else may.
        strict_query: The fields that the query may have, if not any.
        arguments: By the names of the path's parameters, those of the responder's arguments.
        path_fields: These, each with the parameter's name in Python.
    """

    operation_id: str
    method: str
    path: str
    extensions: Mapping[str, object] = attrs.field(repr=False)
    parameters: tuple[Parameter, ...] = attrs.field(repr=False)
    body: RequestBody | None = attrs.field(repr=False)
    responses: Mapping[str, ResponseRule] = attrs.field(repr=False)
    needs_query: bool = False
    strict_query: Claims | None = attrs.field(default=None, repr=False)
    arguments: Mapping[str, str] = attrs.field(init=False, repr=False)
    path_fields: tuple[tuple[str, str], ...] = attrs.field(init=False, repr=False)
    _exact: Mapping[int, ResponseRule] = attrs.field(init=False, repr=False)

    @arguments.default
    def _by_template(self) -> Mapping[str, str]:
        return argument_names(parameter_names(self.path))

    @path_fields.default
    def _of_path(self) -> tuple[tuple[str, str], ...]:
        in_path = (each for each in self.parameters if each.location == "path")
        return tuple((self.arguments[each.name], each.field) for each in in_path)

    @_exact.default
    def _by_number(self) -> Mapping[int, ResponseRule]:
        return {int(status): rule for status, rule in self.responses.items() if status.isdecimal()}

    def response(self, status: int) -> ResponseRule | None:
        """Return the rule for ``status``: its own, else its range's, else the default (OpenAPI 3.1, section 4.8.16)."""
        responses = self.responses
        return self._exact.get(status) or responses.get(f"{status // 100}XX") or responses.get("default")
