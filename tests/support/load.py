"""Clients that ask the service all the time while something is done to what it stands on."""

import threading
import time
from collections.abc import Sequence
from typing import Self

import attrs
import httpx

from tests.support.gunicorn import Gunicorn

_PAUSE_SECONDS = 0.005  # leaves the machine some time for the servers


@attrs.frozen
class Answer:
    """One answer, when it came and how long it took."""

    at: float
    client: str
    status: int
    is_counted: bool
    seconds: float


def ask_as(session: httpx.Client, client: str) -> Answer:
    """Ask for /version on behalf of a client; the service has to trust 127.0.0.1 as a proxy."""
    started = time.monotonic()
    response = session.get("/version", headers={"X-Forwarded-For": client})
    now = time.monotonic()
    is_counted = any(name.startswith(("ratelimit", "x-ratelimit")) for name in response.headers)
    return Answer(now, client, response.status_code, is_counted, now - started)


def addresses(count: int) -> list[str]:
    """Return the addresses of so many clients."""
    return [f"192.0.2.{number}" for number in range(1, count + 1)]


class Load:
    """Ask from several threads, for one client after the other, until the block ends.

    Attributes:
        answers: What has come back so far.
    """

    def __init__(self, service: Gunicorn, clients: Sequence[str], threads: int = 4) -> None:
        self.answers: list[Answer] = []
        self._service = service
        self._clients = clients
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def since(self, moment: float) -> list[Answer]:
        """Return what has come back since a moment."""
        return [answer for answer in self.answers if answer.at > moment]

    def all_counted(self, seconds: float) -> bool:
        """Tell whether everything in so many last seconds was counted."""
        answers = self.since(time.monotonic() - seconds)
        return bool(answers) and all(answer.is_counted for answer in answers)

    def _ask(self, number: int) -> None:
        with self._service.client() as session:
            while not self._over.wait(_PAUSE_SECONDS):
                self.answers.append(ask_as(session, self._clients[number % len(self._clients)]))
                number += 1
