"""How each figure is measured."""

from collections.abc import Mapping
from functools import partial

from benchmarks.micro import exchanges
from benchmarks.micro.calibration import Calibration
from benchmarks.micro.figures import CALIBRATION
from benchmarks.micro.measuring import Benchmark
from benchmarks.micro.stages import Stage
from benchmarks.micro.subject import Subject
from benchmarks.micro.whole import Whole
from benchmarks.micro.wire import Wire


def catalogue(subject: Subject) -> Mapping[str, Benchmark]:
    """Return every benchmark that is repeated, by the name of its figure."""
    return {CALIBRATION: Calibration(), **_whole(subject), **_edge(subject), **_contract(subject)}


def _whole(subject: Subject) -> Mapping[str, Benchmark]:
    whole = partial(Whole, service=subject.service)
    return {
        "wire: GET /health": Wire(subject.app, exchanges.HEALTH),
        "wire: GET /version, admitted": Wire(subject.app, exchanges.VERSION),
        "app: GET /health": whole(subject.app, exchanges.HEALTH),
        "app: GET /version, admitted": whole(subject.app, exchanges.VERSION),
        "app: GET /version, refused": whole(subject.strict, exchanges.REFUSED),
        "app: GET /ready": whole(subject.app, exchanges.READY),
        "app: POST /workers, 10 fields": whole(subject.app, exchanges.CREATE),
        "app: GET /workers, 100 that differ": whole(subject.app, exchanges.PAGE),
        "app: GET /workers, the same 100": whole(subject.app, exchanges.PAGE, differs=False),
        "app: GET /nowhere, 404": whole(subject.app, exchanges.NOWHERE),
        "app: preflight": whole(subject.app, exchanges.PREFLIGHT),
    }


def _edge(subject: Subject) -> Mapping[str, Benchmark]:
    stage = partial(Stage, service=subject.service)
    limit = "RateLimitMiddleware"
    return {
        "stage: request id": stage(subject.app, "RequestIdMiddleware", exchanges.HEALTH),
        "stage: CORS": stage(subject.app, "CorsMiddleware", exchanges.HEALTH),
        "stage: access log": stage(subject.app, "AccessLogMiddleware", exchanges.HEALTH, logs=True),
        "stage: rate limit, admitted": stage(subject.app, limit, exchanges.VERSION, together=True),
        "stage: rate limit, refused": stage(subject.strict, limit, exchanges.REFUSED, refused=429),
    }


def _contract(subject: Subject) -> Mapping[str, Benchmark]:
    request = partial(Stage, subject.app, "RequestContract", service=subject.service)
    response = partial(Stage, subject.app, "ResponseContract", service=subject.service)
    return {
        "stage: request contract, GET": request(exchanges.LISTING),
        "stage: request contract, POST 10 fields": request(exchanges.CREATE, many=32),
        "stage: response contract, GET /version": response(exchanges.VERSION),
        "stage: response contract, 100 objects": response(exchanges.PAGE, many=2),
    }
