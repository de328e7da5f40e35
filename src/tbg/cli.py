"""The ``tbg`` command. It imports what a command needs when that command runs, so that `serve` starts fast."""

import gc
import io
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tbg import __version__
from tbg.project import PROJECT_ROOT
from tbg.server.concurrency import worker_count

if TYPE_CHECKING:
    from tbg.config import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tbg")
def main() -> None:
    """The Bitcoin Game API."""
    _require_a_usable_locale()


def _require_a_usable_locale() -> None:
    """Let nothing that is printed end in a traceback, and say so if Python cannot load the service at all."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if re.search("[\ud800-\udfff]", str(PROJECT_ROOT)):
        path = os.fsencode(PROJECT_ROOT).decode(errors="replace")
        raise click.ClickException(
            f"Python cannot load this service from {path} in this locale, which lacks the path's letters: "
            "set LC_ALL=C.UTF-8, or PYTHONUTF8=1"
        )


def _host(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    from tbg.hosts import host_hint, is_host  # noqa: PLC0415 - see above

    if value is None or is_host(value):
        return value
    hint = host_hint(value)
    raise click.BadParameter(f"{value[:100]!r} cannot be listened on{f'; {hint}' if hint else ''}")


@main.command()
@click.option("--host", callback=_host, help="Address to listen on.  [TBG_HOST; default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [TBG_PORT; default: 8000]")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.  [WEB_CONCURRENCY; default: 1]")
@click.option("--reload", is_flag=True, help="Restart when the code or the contract changes.")
def dev(host: str | None, port: int | None, workers: int | None, *, reload: bool) -> None:
    """Run the service for development, on embedded PostgreSQL and Valkey.

    Each is embedded unless TBG_DATABASE_URL or TBG_REDIS_URL names another; the data stays until `make clean`.
    """
    from tbg.dev.supervisor import DevOptions, run  # noqa: PLC0415 - production has no embedded servers

    settings = _settings()
    host, port = host or settings.host, port or settings.port
    sys.exit(run(DevOptions(root=PROJECT_ROOT, host=host, port=port, reload=reload, workers=workers)))


@main.command()
def serve() -> None:
    """Run the service for production: gunicorn, as gunicorn.conf.py says."""
    worker_count()  # gunicorn itself answers a bad number with a traceback, before it reads its configuration
    from gunicorn.app.wsgiapp import run  # noqa: PLC0415 - only this command needs gunicorn

    sys.argv = ["gunicorn", "-c", str(PROJECT_ROOT / "gunicorn.conf.py")]
    os.chdir(PROJECT_ROOT)
    run()


@main.command()
@click.option("--contract", type=click.Path(path_type=Path), help="Another contract.  [TBG_CONTRACT_PATH]")
@click.option("--strict", is_flag=True, help="Let a warning count as an error.")
def check(contract: Path | None, *, strict: bool) -> None:
    """Compare the contract with the service; needs no server. Exits with 1 when the service would not start."""
    from tbg.server.boot import absent  # noqa: PLC0415 - see above

    gc.disable()  # nothing becomes garbage in a second, and looking for it takes a seventh of that
    with absent("requests", "rich"):  # as in gunicorn.conf.py
        from tbg.checking import check_contract  # noqa: PLC0415 - only this command needs the whole service

    settings = _settings()
    sys.exit(check_contract(settings, contract or settings.contract_path, strict=strict))


@main.command("settings")
def show_settings() -> None:
    """List every setting: variable, type, default, meaning and current value; secrets are masked."""
    from tbg.config import Settings, options  # noqa: PLC0415 - see above
    from tbg.settings_text import kind, shown  # noqa: PLC0415 - see above
    from tbg.tables import print_table  # noqa: PLC0415 - see above

    current, defaults = _settings(), Settings()
    rows = []
    for variable, field in options():
        rows.append((variable, kind(field), shown(defaults, field), shown(current, field), field.metadata["meaning"]))
    print_table(("Variable", "Type", "Default", "Current", "Meaning"), rows)


@main.command()
@click.option("--wait", type=click.IntRange(0, 3600), default=0, help="Seconds that the database may take to start.")
@click.option(
    "--allow-newer", is_flag=True, help="Leave a database alone that a newer version has migrated: a rollback."
)
def migrate(wait: int, *, allow_newer: bool) -> None:
    """Bring the database to the newest schema (Alembic's upgrade to head)."""
    from tbg.migrations import MigrationError, upgrade  # noqa: PLC0415 - Alembic is slow to import

    try:
        upgrade(_settings(), wait_seconds=wait, allow_newer=allow_newer)
    except MigrationError as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("message")
def migration(message: str) -> None:
    """Write a migration for what has changed in the models: MESSAGE is what it does, like "add region"."""
    from tbg.dev.errors import DevServerError  # noqa: PLC0415 - production has no embedded servers
    from tbg.dev.revision import write_revision  # noqa: PLC0415 - the same

    try:
        revision = write_revision(_settings(), message)
    except DevServerError as error:
        raise click.ClickException(str(error)) from None
    click.echo(revision.path)
    if revision.is_empty:
        click.echo(
            "It is empty: the models and the migrations agree. Write it by hand; or, if you have changed a model, see "
            "that it is in a file called models.py and inherits tbg.db.base.Base.",
            err=True,
        )


def _settings() -> "Settings":
    from tbg.config import ENV_FILE, Settings, SettingsError, unknown_variables  # noqa: PLC0415 - see above

    try:
        settings = Settings.load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    for name in unknown_variables(env_file=ENV_FILE):
        click.echo(f"warning: {name} is no setting, so nothing reads it; `tbg settings` lists them all", err=True)
    return settings
