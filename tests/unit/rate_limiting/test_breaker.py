"""What the log is told of a server that does not count."""

import structlog

from tbg.config import Settings
from tbg.logs import configure_logging
from tbg.rate_limiting.breaker import Breaker
from tests.conftest import Logged


def test_a_line_that_concerns_everybody_names_no_request(logged: Logged) -> None:
    configure_logging(Settings())
    breaker = Breaker("", lambda _is_open: None)

    with structlog.contextvars.bound_contextvars(request_id="of-one-request"):
        breaker.close(TimeoutError(), is_certain=True)
        breaker.open()

    assert ["request_id" in line for line in logged()] == [False, False]
