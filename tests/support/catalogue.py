"""What a database is made of, and what it holds, in a form that can be compared with another's."""

import contextlib
import time
from typing import Any, Final

import asyncpg

from tests.support.databases import ask

Catalogue = dict[str, list[dict[str, Any]]]

_OBJECTS: Final = {
    "columns": """
        SELECT table_name, ordinal_position, column_name, column_default, is_nullable, data_type,
            character_maximum_length, numeric_precision, numeric_scale
        FROM information_schema.columns WHERE table_schema = 'public'
        ORDER BY table_name, ordinal_position""",
    "constraints": """
        SELECT conrelid::regclass::text AS table_name, conname, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "relations": """
        SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1""",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
}

_TIMESCALEDB_OBJECTS: Final = {
    "hypertables": """
        SELECT hypertable_name, num_dimensions, compression_enabled FROM timescaledb_information.hypertables
        WHERE hypertable_schema = 'public' ORDER BY 1""",
    "dimensions": """
        SELECT hypertable_name, column_name, time_interval FROM timescaledb_information.dimensions
        WHERE hypertable_schema = 'public' ORDER BY 1, 2""",
    "compression": """
        SELECT hypertable_name, attname, segmentby_column_index, orderby_column_index, orderby_asc
        FROM timescaledb_information.compression_settings ORDER BY 1, 2""",
    "aggregates": """
        SELECT view_name, view_definition, materialized_only FROM timescaledb_information.continuous_aggregates
        ORDER BY 1""",
    "policies": """
        SELECT proc_name, hypertable_name, schedule_interval, max_runtime, scheduled,
            config - 'hypertable_id' - 'mat_hypertable_id' AS config
        FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL ORDER BY 1, 2""",
}

_TABLES: Final = (
    "users",
    "workers",
    "blocks",
    "weekly_best_diff",
    "shares",
    "mining_events",
    "rate_limit_events",
    "schema_migrations",
)

_FILL: Final = (
    """INSERT INTO users (btc_address, display_name, country_code)
        SELECT 'bc1q' || n, 'Miner ' || n, 'PT' FROM generate_series(1, 20) AS n""",
    "INSERT INTO workers (user_id, worker_name, is_online) SELECT id, 'rig', id % 2 = 0 FROM users",
    """INSERT INTO blocks (block_height, block_hash, user_id, worker_id, reward_btc)
        SELECT 900000 + id, 'hash' || id, id, id, 3.12500001 FROM users""",
    """INSERT INTO weekly_best_diff (user_id, btc_address, week_start, best_difficulty)
        SELECT id, btc_address, current_date, id * 1e6 FROM users""",
    # Five days, so that there are several chunks; and each row twice, since there is no key.
    """INSERT INTO shares (time, btc_address, difficulty, share_diff, is_valid, ip_address)
        SELECT now() - n * interval '3 minutes', 'bc1q' || n % 20, 1, n, n % 7 > 0, '192.0.2.1'
        FROM generate_series(1, 2400) AS n, generate_series(1, 2)""",
    """INSERT INTO mining_events (ts, event_type, payload)
        SELECT now() - n * interval '1 hour', 'share', jsonb_build_object('user', n)
        FROM generate_series(1, 48) AS n""",
)
_FILL_RATE_LIMIT_EVENTS: Final = """INSERT INTO rate_limit_events (ts, ip_address, event_type)
    SELECT now() - n * interval '1 hour', '192.0.2.2', 'softban' FROM generate_series(1, 48) AS n"""


def catalogue(url: str, *, timescaledb: bool) -> Catalogue:
    """Return every object of the database but Alembic's own."""
    queries = _OBJECTS | (_TIMESCALEDB_OBJECTS if timescaledb else {})
    found = {name: ask(url, query) for name, query in queries.items()}
    return {name: [row for row in rows if not _is_alembics(row)] for name, rows in found.items()}


def _is_alembics(row: dict[str, Any]) -> bool:
    return any(str(value).startswith("alembic_version") for value in row.values())


def fill(url: str, *, compress: bool) -> None:
    """Put rows into every table that is there; some chunks are compressed then."""
    ask(url, *_FILL)
    if exists(url, "rate_limit_events"):
        ask(url, _FILL_RATE_LIMIT_EVENTS)
    if compress:
        ask(
            url,
            "SELECT compress_chunk(chunk) FROM show_chunks('shares', older_than => interval '2 days') AS chunk",
        )
        refresh(url, "hourly_shares")


def refresh(url: str, aggregate: str) -> None:
    """Compute a continuous aggregate; its own policy may be at it, which excludes a second one."""
    for _ in range(100):
        with contextlib.suppress(asyncpg.LockNotAvailableError):
            ask(url, f"CALL refresh_continuous_aggregate('{aggregate}', NULL, NULL)")
            return
        time.sleep(0.1)
    raise AssertionError(f"the refresh of {aggregate} does not end")


def contents(url: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows and their checksum, by table."""
    found = {}
    for table in _TABLES:
        if exists(url, table):
            [row] = ask(
                url,
                f"SELECT count(*), coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') AS sum FROM {table} t",
            )
            found[table] = (row["count"], row["sum"])
    return found


def exists(url: str, relation: str) -> bool:
    """Tell whether there is a table, view or index of the name."""
    [row] = ask(url, f"SELECT to_regclass('{relation}') IS NOT NULL AS answer")
    return bool(row["answer"])
