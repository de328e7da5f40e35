"""TLS in front of the embedded Valkey, which has none: real certificates, real handshakes, and plain text behind."""

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs


@attrs.frozen
class Authority:
    """Somebody who signs certificates, with what it has signed in a directory."""

    directory: Path

    @property
    def certificate(self) -> Path:
        """What those who believe it are given."""
        return self.directory / "ca.crt"

    def sign(self, name: str, host: str) -> tuple[Path, Path]:
        """Return certificate and key for a host: ``IP:127.0.0.1`` or ``DNS:example.com``."""
        certificate, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        issuer = ("-CA", str(self.certificate), "-CAkey", str(self.directory / "ca.key"))
        _openssl(certificate, key, name, f"subjectAltName={host}", *issuer)
        return certificate, key


def authority(directory: Path) -> Authority:
    """Make an authority of its own."""
    directory.mkdir()
    made = Authority(directory)
    _openssl(made.certificate, directory / "ca.key", "authority", "basicConstraints=critical,CA:TRUE")
    return made


def server_context(certificate: Path, key: Path, clients: Authority | None = None) -> ssl.SSLContext:
    """Return what a server needs; one with ``clients`` admits those alone whom that authority has signed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextlib.contextmanager
def relay(target_port: int, context: ssl.SSLContext) -> Iterator[int]:
    """End TLS on a port, which is returned, and pass on what is inside to another."""
    ready: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(target_port, context, ready, over),))
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(ready.get(), loop).result(10)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


async def _serve(target_port: int, context: ssl.SSLContext, ready: asyncio.Queue[int], over: asyncio.Event) -> None:
    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", target_port)
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    ready.put_nowait(server.sockets[0].getsockname()[1])
    await over.wait()
    server.close()
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:  # of which some may have begun in this very moment
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.transport.abort()


def _openssl(certificate: Path, key: Path, name: str, extension: str, *issuer: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-out", str(certificate), "-keyout", str(key), "-days", "2", "-subj", f"/CN={name}", "-addext", extension]
    subprocess.run([*command, *files, *issuer], check=True, capture_output=True, timeout=30)
