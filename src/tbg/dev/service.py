"""The service under development: its migrations, its gunicorn, and whether it answers."""

import http.client
import time
from collections.abc import Mapping

import attrs

from tbg.dev.errors import DevServerError
from tbg.dev.options import DevOptions
from tbg.dev.process import Command, GuardedProcess, Sleep

_MIGRATION_SECONDS = 300.0
_HEALTH_SECONDS = 60.0
_ANSWER_SECONDS = 1.0
_POLL_SECONDS = 0.03
_GRACE_SECONDS = 3.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared with, not bound to


@attrs.frozen
class Address:
    """Where the service listens."""

    host: str
    port: int

    @property
    def reachable_host(self) -> str:
        """A host that clients on this machine can connect to."""
        return _EVERY_ADDRESS.get(self.host, self.host)

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        host = self.reachable_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class Service:
    """The service as a child of this process, talking to the same terminal.

    Args:
        options: How to run it.
        environment: Its whole environment.
        lock: A descriptor to hold until it is gone.
        sleep: How to wait.
    """

    def __init__(self, options: DevOptions, environment: Mapping[str, str], lock: int, sleep: Sleep) -> None:
        self._options = options
        self._environment = environment
        self._lock = lock
        self._sleep = sleep
        self._process: GuardedProcess | None = None

    def migrate(self) -> None:
        """Bring the database's tables up to date.

        Raises:
            DevServerError: That failed.
        """
        process = GuardedProcess(self._command(self._options.commands.migrate))
        try:
            status = process.wait(_MIGRATION_SECONDS, self._sleep)
        finally:
            process.stop()
        if status != 0:
            raise DevServerError(f"the migrations failed ({_ending(status)}): see what they said above")

    def start(self, address: Address) -> None:
        """Start to serve and return when `GET /health` is answered.

        Raises:
            DevServerError: It ended, or did not answer in time.
        """
        self._process = GuardedProcess(self._command(self._options.commands.serve))
        deadline = time.monotonic() + _HEALTH_SECONDS
        while not _healthy(address):
            self.require_alive()
            if time.monotonic() > deadline:
                raise DevServerError(
                    f"the service did not answer {address.url}/health within {_HEALTH_SECONDS:.0f} s: "
                    "see what it said above"
                )
            self._sleep(_POLL_SECONDS)

    def require_alive(self) -> None:
        """Raise `DevServerError` if it has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise DevServerError(f"the service stopped ({_ending(self._process.poll())}): see what it said above")

    def stop(self) -> None:
        """End it, in an orderly way if that does not take long."""
        if self._process is not None:
            self._process.stop()

    def _command(self, argv: tuple[str, ...]) -> Command:
        return Command(
            argv=argv,
            cwd=self._options.root,
            env=self._environment,
            grace_seconds=_GRACE_SECONDS,
            keep_open=(self._lock,),
        )


def _healthy(address: Address) -> bool:
    connection = http.client.HTTPConnection(address.reachable_host, address.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _ending(status: int | None) -> str:
    return "it took too long" if status is None else f"exit status {status}"
