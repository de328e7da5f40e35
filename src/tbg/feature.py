"""What a feature is: a function from the infrastructure to a frozen value.

It cannot reach into the application, so the order of features does not matter, and tests build the very same
application with other infrastructure.
"""

from collections.abc import Callable, Mapping

import attrs

from tbg.context import Request
from tbg.errors import DomainError
from tbg.infrastructure import Infrastructure, Ping

Scope = Callable[[Request], str | None]
"""Return who makes a request, such as its API key; None when it does not say, and counts for its address."""


@attrs.frozen
class Feature:
    """What one feature adds to the service.

    Attributes:
        resources: Falcon resources by path template, as ``openapi.yaml`` writes it.
        errors: The HTTP status of each domain error that its services raise.
        pings: What it needs to be ready besides the shared infrastructure, by the name that /ready shows.
        scopes: How to tell clients apart for rate limits besides by their address, by the scope's name in the contract.
        uses_database: Whether its operations can answer 503 for want of the database; then they document it.
    """

    resources: Mapping[str, object] = attrs.field(factory=dict)
    errors: Mapping[type[DomainError], int] = attrs.field(factory=dict)
    pings: Mapping[str, Ping] = attrs.field(factory=dict)
    scopes: Mapping[str, Scope] = attrs.field(factory=dict)
    uses_database: bool = True


FeatureFactory = Callable[[Infrastructure], Feature]
