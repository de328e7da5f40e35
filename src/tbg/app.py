"""The composition root: everything the service is made of, in the order in which a request meets it."""

from collections.abc import Iterable, Sequence

import falcon.media
import msgspec

from tbg.assembly import Made, joined, make_features, require_apart, undocumented_errors
from tbg.breaches import BreachReport
from tbg.client import ClientAddresses
from tbg.config import Settings
from tbg.context import Request
from tbg.contract import (
    Answers,
    Contract,
    DocumentResource,
    ErrorSerializer,
    Limits,
    Operation,
    RequestContract,
    ResponseContract,
    Router,
    UploadStorageError,
    mount,
)
from tbg.docs import add_docs
from tbg.errors import DatabaseUnavailableError
from tbg.extensions import require_readable
from tbg.feature import Feature, FeatureFactory, Scope
from tbg.health import health_feature
from tbg.infrastructure import Infrastructure, Ping
from tbg.logs import request_log
from tbg.middleware import request_id
from tbg.middleware.access_log import AccessLogMiddleware
from tbg.middleware.cors import CorsMiddleware, exposed_headers
from tbg.middleware.error_handler import answer_with, handle_no_storage, handle_unavailable, handle_unexpected
from tbg.middleware.lifecycle import LifecycleMiddleware
from tbg.middleware.load import EarlyShedding, Load, LoadMiddleware
from tbg.middleware.rate_limit import RateLimitMiddleware
from tbg.middleware.request_id import RequestIdMiddleware
from tbg.rate_limiting import DEFAULT, RateLimiter, RateLimitMetrics, RateLimits, headers
from tbg.refusal import SCOPE_KEY
from tbg.service import Service

App = Service

_FOUNDATION = (request_id.HEADER, *headers.NAMES)  # on any response, and one client's own
# What the layers around a responder set stays on an error; what the responder set goes.
_LASTING = frozenset(
    {
        *(name.lower() for name in _FOUNDATION),
        "vary",
        "x-content-type-options",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-expose-headers",
    }
)


def build_app(infrastructure: Infrastructure, contract: Contract, factories: Sequence[FeatureFactory]) -> App:
    """Compose the service from its infrastructure, its contract and its features.

    Raises:
        FeatureError: The features cannot be put together.
        ContractError: The contract and the features' resources disagree, or it says what nothing reads.
    """
    settings = infrastructure.settings
    require_readable(contract)
    counter = rate_limiter(infrastructure)
    features = all_features(infrastructure, contract, factories, counter)
    limits = rate_limits(settings, contract, features)
    limiter = RateLimitMiddleware(
        contract,
        limits,
        counter,
        scopes(features),
        ipv6_prefix=settings.rate_limit_ipv6_prefix,
    )
    load = Load(settings.max_requests_in_flight, infrastructure.metrics)
    loading = LoadMiddleware(contract, load)
    body_limits = Limits(settings.max_body_bytes, settings.body_timeout_seconds)
    router = Router(refusal_key=SCOPE_KEY)
    access_log = AccessLogMiddleware(contract, ClientAddresses(settings.trusted_proxies, settings.forwarded_header))
    ids = RequestIdMiddleware()
    cors = CorsMiddleware(settings.cors_origins, exposed_headers(_FOUNDATION, contract.response_headers))
    app = Service(
        request_type=Request,
        router=router,
        sink_before_static_route=False,  # the sink takes every path that nothing else serves
        middleware=[
            LifecycleMiddleware(infrastructure, counter),
            access_log,
            ResponseContract(
                contract,
                mode=settings.contract_responses,
                report=BreachReport(infrastructure.metrics),
                lasting_headers=_LASTING,
                client_headers=_FOUNDATION,
            ),
            ids,
            cors,
            loading,
            limiter,
            RequestContract(contract, body_limits, loading.body_read),
        ],
    )
    app.write_line = request_log(settings)
    app.metrics = infrastructure.metrics
    app.drain = infrastructure.drain
    app.shedding = EarlyShedding(contract, router, load, inwards=[access_log, ids], outwards=[cors])
    _write_json_with_msgspec(app)
    _handle_errors(app, features)
    further = undocumented_errors(contract, features)
    mount(app, contract, resources(features), answers(features, limits), further)
    app.add_sink(limiter.unmatched, "")
    if settings.debug:
        add_docs(app)
    return app


def all_features(
    infrastructure: Infrastructure, contract: Contract, factories: Sequence[FeatureFactory], limiter: RateLimiter
) -> tuple[Feature, ...]:
    """Return the features of ``factories`` and those that every service has: its health and its contract.

    Raises:
        FeatureError: They cannot be put together.
    """
    made = make_features(factories, infrastructure)
    pings: dict[str, Ping] = {"database": infrastructure.database.ping, "redis": limiter.ping}
    document = Feature(
        resources={
            "/openapi.yaml": DocumentResource(contract.document.yaml, "application/yaml"),
            "/openapi.json": DocumentResource(contract.document.json, "application/json"),
        },
        pings=pings,
        uses_database=False,
    )
    features = (document, *(each.feature for each in made))
    health = health_feature(infrastructure.settings, joined(each.pings for each in features), infrastructure.drain)
    require_apart([Made("the service", "", health), Made("the service", "", document), *made])
    return (health, *features)


def resources(features: Iterable[Feature]) -> dict[str, object]:
    """Join the resources of all features by path."""
    return joined(feature.resources for feature in features)


def scopes(features: Iterable[Feature]) -> dict[str, Scope]:
    """Join the rate-limit scopes of all features by name."""
    return joined(feature.scopes for feature in features)


def rate_limits(settings: Settings, contract: Contract, features: Iterable[Feature]) -> RateLimits:
    """Return what each operation is charged: as the contract says, and as the settings change it.

    Raises:
        MismatchError: They say what cannot be.
    """
    chosen = {"requests": settings.rate_limit_requests, "window_seconds": settings.rate_limit_window_seconds}
    default = {name: value for name, value in chosen.items() if value is not None}
    changes = settings.rate_limit_policies
    return RateLimits.load(contract, {**changes, DEFAULT: {**changes.get(DEFAULT, {}), **default}}, scopes(features))


def answers(features: Iterable[Feature], limits: RateLimits) -> Answers:
    """Return what tells the statuses that the layers around the contract engine can answer an operation with."""
    database_paths = {path for feature in features if feature.uses_database for path in feature.resources}

    def of(operation: Operation) -> set[int]:
        rule = limits.of(operation)
        limited = {429} if rule and rule.can_refuse else set()
        can_be_unavailable = operation.path in database_paths or (rule and rule.fails_closed)
        return limited | ({503} if can_be_unavailable else set())

    return of


def rate_limiter(infrastructure: Infrastructure) -> RateLimiter:
    """Return what counts requests, for all operations."""
    return RateLimiter(
        infrastructure.limiter_redis,
        timeout_seconds=infrastructure.settings.redis_timeout_seconds,
        metrics=RateLimitMetrics(infrastructure.metrics),
    )


def _write_json_with_msgspec(app: App) -> None:
    """Let responders hand over attrs values, dates and UUIDs as they are."""
    handler = falcon.media.JSONHandler(dumps=msgspec.json.encode, loads=msgspec.json.decode)
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = handler
    app.req_options.media_handlers[falcon.MEDIA_JSON] = handler


def _handle_errors(app: App, features: Iterable[Feature]) -> None:
    app.set_error_serializer(ErrorSerializer(_LASTING))
    app.add_error_handler(Exception, handle_unexpected)
    app.add_error_handler(DatabaseUnavailableError, handle_unavailable)
    app.add_error_handler(UploadStorageError, handle_no_storage)
    for feature in features:
        for error, status in feature.errors.items():
            app.add_error_handler(error, answer_with(status))
