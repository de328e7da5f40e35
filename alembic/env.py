"""What Alembic runs: the database comes from the service's settings, one migration works on it at a time."""

import asyncio
import io
import sys
from collections.abc import Collection

from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.pool import NullPool

from tbg.config import Settings
from tbg.database import create_engine
from tbg.db.metadata import load_metadata
from tbg.migrations.autogenerate import revise_directives
from tbg.migrations.history import note_missing, note_step
from tbg.migrations.script import guarded
from tbg.migrations.turns import wait_for_turn


def _settings() -> Settings:
    """Return what the caller chose; for the `alembic` command that is the environment."""
    return context.config.attributes.get("settings") or Settings.load()


def _note(ctx: MigrationContext, step: object, heads: Collection[str], run_args: object) -> None:  # noqa: ARG001 - Alembic's
    note_step(context.script, ctx, heads)


def _run_offline(settings: Settings) -> None:
    script = io.StringIO()
    # This driver's own placeholders, as online: others would double each percent sign.
    context.configure(
        url="postgresql+asyncpg://",
        target_metadata=load_metadata(),
        literal_binds=True,
        output_buffer=script,
        transaction_per_migration=True,
        on_version_apply=_note,
    )
    with context.begin_transaction():
        context.run_migrations()
    output = context.config.output_buffer or sys.stdout
    output.write(guarded(script.getvalue(), settings.database_lock_timeout_seconds))


def _run(connection: Connection) -> None:
    # TimescaleDB keeps its chunks and views in schemas of their own: without include_schemas Alembic sees none of them.
    context.configure(
        connection=connection,
        target_metadata=load_metadata(),
        compare_server_default=True,
        process_revision_directives=revise_directives(context.script),
        transaction_per_migration=True,
        on_version_apply=_note,
    )
    with context.begin_transaction():
        context.run_migrations()
    note_missing(context.script, context.get_context())


async def _run_online(settings: Settings) -> None:
    engine = create_engine(
        settings,
        application_name="tbg-migrate",
        statement_timeout_seconds=0,
        # So that a long statement of a process that was killed ends, too.
        server_settings={"client_connection_check_interval": "1000"},
        poolclass=NullPool,
    )
    async with engine.connect() as turn, engine.connect() as connection:
        await wait_for_turn(turn)
        await connection.run_sync(_run)
    await engine.dispose()


if context.is_offline_mode():
    _run_offline(_settings())
else:
    asyncio.run(_run_online(_settings()))
