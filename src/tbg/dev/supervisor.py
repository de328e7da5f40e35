"""`tbg dev`: servers, migrations and the service, started together and ended together."""

import contextlib
import time
from collections.abc import Iterable, Mapping

import attrs
import click

from tbg.dev import ports
from tbg.dev.environment import DATABASE_URL, REDIS_URL, configured, service_environment
from tbg.dev.errors import DevServerError
from tbg.dev.options import Commands, DevOptions
from tbg.dev.postgres import EmbeddedPostgres
from tbg.dev.process import Sleep
from tbg.dev.schema import SchemaMark
from tbg.dev.server import EmbeddedServer
from tbg.dev.service import Address, Service
from tbg.dev.signals import Stop, stop_when_asked
from tbg.dev.state import State, hold
from tbg.dev.valkey import EmbeddedValkey

__all__ = ["Commands", "DevOptions", "run"]

_WATCH_SECONDS = 0.1


def run(options: DevOptions) -> int:
    """Serve until asked to stop (SIGINT, SIGTERM, SIGHUP) or until something fails.

    Returns:
        The exit status: 0 after a stop, 1 after a failure, which one sentence on standard error explains. Nothing
        that was started is left then, nor when this process is killed.
    """
    with stop_when_asked() as sleep:
        try:
            _supervise(_settled(options), sleep)
        except Stop:
            _say("stopped", to_stderr=True)
        except DevServerError as error:
            _say(f"error: {error}", to_stderr=True)
            return 1
    return 0


def _settled(options: DevOptions) -> DevOptions:
    return attrs.evolve(options, root=options.root.resolve(), port=options.port or ports.free_port())


def _supervise(options: DevOptions, sleep: Sleep) -> None:
    started = time.monotonic()
    address = Address(options.host, options.port)
    with hold(options.root, address.url, sleep) as state, contextlib.ExitStack() as running:
        ports.require_free(options.port, "the service", options.host, remedy="choose another one with --port")
        variables = configured(options.root)
        servers = _start(_embedded(variables, state, sleep), running)
        urls = {name: server.url for name, server in servers.items()}
        service = Service(options, service_environment(options, variables, urls), state.lock, sleep)
        _migrate(service, _mark(servers, state, options))
        running.callback(service.stop)
        service.start(address)
        _say(_banner(address, variables, servers, time.monotonic() - started))
        _watch(servers.values(), service, sleep)


def _embedded(variables: Mapping[str, str], state: State, sleep: Sleep) -> dict[str, EmbeddedServer]:
    """Return the servers for which no other was named, by the variable that would name it."""
    servers: dict[str, EmbeddedServer] = {
        DATABASE_URL: EmbeddedPostgres(state.postgres, sleep=sleep, keep_open=(state.lock,)),
        REDIS_URL: EmbeddedValkey(state.valkey, sleep=sleep, keep_open=(state.lock,)),
    }
    return {name: server for name, server in servers.items() if not variables.get(name)}


def _start(servers: dict[str, EmbeddedServer], running: contextlib.ExitStack) -> dict[str, EmbeddedServer]:
    """Start servers side by side; they end in the opposite order, the last one first."""
    for server in servers.values():
        running.callback(server.stop)
    for server in reversed(servers.values()):  # PostgreSQL may take a second to create its data
        server.launch()
    for server in servers.values():
        server.wait_ready()
    return servers


def _mark(servers: Mapping[str, EmbeddedServer], state: State, options: DevOptions) -> SchemaMark | None:
    postgres = servers.get(DATABASE_URL)
    return SchemaMark(state.schema, options.root, postgres) if isinstance(postgres, EmbeddedPostgres) else None


def _migrate(service: Service, mark: SchemaMark | None) -> None:
    """Run the migrations unless the embedded database has them all; a database of the user's is always asked itself."""
    if mark is None:
        service.migrate()
    elif not mark.is_current():
        service.migrate()
        mark.set()


def _watch(servers: Iterable[EmbeddedServer], service: Service, sleep: Sleep) -> None:
    """Return never: raise when one of them ends, or when asked to stop."""
    while True:
        for server in servers:
            if not server.alive():
                raise server.failure("stopped")
        service.require_alive()
        sleep(_WATCH_SECONDS)


def _banner(
    address: Address, variables: Mapping[str, str], servers: Mapping[str, EmbeddedServer], seconds: float
) -> str:
    """Say where everything is, but no password; so of servers that the user named not even the address."""
    lines = {"API": address.url}
    if variables.get("TBG_DEBUG", "").lower() in {"1", "true", "yes", "on"}:
        lines["Docs"] = f"{address.url}/docs"
    for title, variable in (("PostgreSQL", DATABASE_URL), ("Redis", REDIS_URL)):
        server = servers.get(variable)
        lines[title] = f"{server.public_url} (password: {server.password_path})" if server else f"from {variable}"
    rows = "".join(f"  {name:<11}{value}\n" for name, value in lines.items())
    return f"\nReady in {seconds:.1f} s; Ctrl-C stops it.\n\n{rows}"


def _say(text: str, *, to_stderr: bool = False) -> None:
    # The terminal may be gone: that must not keep anything from being stopped.
    with contextlib.suppress(OSError):
        click.echo(text, err=to_stderr)
