"""All that a worker does for a request, from bytes that arrive to bytes that leave, but for the system's part."""

import asyncio
import time
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from benchmarks.micro.exchanges import Exchange
from benchmarks.micro.measuring import UnexpectedAnswerError, get_ready, write_log
from tbg.app import App

_US: Final = 1000
_PARALLEL: Final = 64
_DATE: Final = [(b"date", b"Sat, 03 Jan 2026 18:15:05 GMT")]


class _Recorder(asyncio.Transport):
    """A connection of a client; what is written to it is kept."""

    def __init__(self, number: int, network: str) -> None:
        super().__init__({"peername": (f"{network}.{number + 1}", 50_000), "sockname": ("127.0.0.1", 8000)})
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Wire:
    """One kind of request over connections that are kept."""

    def __init__(self, app: App, exchange: Exchange) -> None:
        self._app = app
        self._exchange = exchange
        self._state = ServerState()
        self._state.default_headers = _DATE
        self._connections: list[tuple[Any, _Recorder]] = []

    async def batch(self) -> float:
        """Let a request arrive on each connection, and wait for all the responses."""
        if not self._connections:
            self._connect()
        get_ready()
        request = self._request()
        for _, recorder in self._connections:
            recorder.written = b""
        began = time.process_time_ns()
        for connection, _ in self._connections:
            connection.data_received(request)
        await asyncio.gather(*self._state.tasks)
        await asyncio.sleep(0)  # what leaves at the end of the event loop's turn
        write_log()
        spent = (time.process_time_ns() - began) / _US / _PARALLEL
        self._check()
        return spent

    def _connect(self) -> None:
        config = Config(self._app, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        for number in range(_PARALLEL):
            connection = _protocol(config, self._state)
            recorder = _Recorder(number, self._exchange.network)
            connection.connection_made(recorder)
            self._connections.append((connection, recorder))

    def _request(self) -> bytes:
        scope = self._exchange.scope(0)
        fields = b"".join(b"%b: %b\r\n" % field for field in scope["headers"])
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (scope["method"].encode(), scope["raw_path"], fields)

    def _check(self) -> None:
        statuses = {int(recorder.written.split(b" ", 2)[1]) for _, recorder in self._connections}
        if statuses != {self._exchange.status}:
            raise UnexpectedAnswerError(f"was answered {sorted(statuses)} instead of {self._exchange.status}")


def _protocol(config: Config, state: ServerState) -> Any:  # noqa: ANN401 - either of two, the older one of an older commit
    loop = asyncio.get_running_loop()
    try:
        from tbg.server.http1 import Connection, Limits, Registry  # noqa: PLC0415 - it may be missing
    except ImportError:
        from tbg.server import protocol  # type: ignore[attr-defined]  # noqa: PLC0415 - then this is there

        return protocol.BoundedProtocol(config, state, {}, loop)
    return Connection(config, state, {}, loop, registry=Registry(10_000), limits=Limits())
