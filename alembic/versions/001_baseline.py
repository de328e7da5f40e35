"""Baseline: adopt the event collector's schema, in whatever state it is, or create it.

The collector's ``init.sql`` owns these objects, and on current TimescaleDB it stops before the refresh policy of
``daily_shares``. So every statement here looks first and adds only what is missing; it runs in one transaction, and in
the order of ``init.sql``, which tells a policy that the script never reached from one that an operator removed: the
latter is missing although what the script makes after it is there. The looking takes no lock on a table.

All decisions are made by the database, so that ``--sql`` gives a script that is right for each of them.
"""

from alembic import op

revision: str = "001_baseline"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

# An image of TimescaleDB makes the extension in each new database; a database made from template0 is without.
_EXTENSION = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb' AND installed_version IS NULL)
        AND current_setting('timescaledb.max_background_workers', true) IS NOT NULL  -- the library is loaded
    THEN
        CREATE EXTENSION timescaledb;
    END IF;
END $$
"""

# CREATE TABLE IF NOT EXISTS takes no lock on a table that exists; CREATE INDEX IF NOT EXISTS does.
_TABLES = {
    "users": """
        id bigserial PRIMARY KEY,
        btc_address varchar(62) NOT NULL UNIQUE,
        display_name varchar(64),
        country_code char(2),
        created_at timestamptz DEFAULT now(),
        last_seen timestamptz,
        is_verified boolean DEFAULT false""",
    "workers": """
        id bigserial PRIMARY KEY,
        user_id bigint REFERENCES users (id),
        worker_name varchar(128) NOT NULL,
        first_seen timestamptz DEFAULT now(),
        last_share timestamptz,
        current_diff double precision,
        hashrate_1m double precision,
        hashrate_5m double precision,
        hashrate_1h double precision,
        hashrate_24h double precision,
        is_online boolean DEFAULT false,
        source varchar(16) DEFAULT 'hosted'""",
    "shares": """
        time timestamptz NOT NULL,
        btc_address varchar(62) NOT NULL,
        worker_name varchar(128) NOT NULL DEFAULT '',
        difficulty double precision NOT NULL,
        share_diff double precision NOT NULL,
        is_valid boolean NOT NULL DEFAULT true,
        is_block boolean DEFAULT false,
        ip_address inet,
        nonce varchar(16),
        nonce2 varchar(32),
        block_hash varchar(64),
        source varchar(16) DEFAULT 'hosted'""",
    "blocks": """
        id bigserial PRIMARY KEY,
        block_height integer NOT NULL,
        block_hash varchar(64) NOT NULL UNIQUE,
        prev_hash varchar(64),
        user_id bigint REFERENCES users (id),
        worker_id bigint REFERENCES workers (id),
        btc_address varchar(62),
        reward_btc numeric(16, 8),
        fees_btc numeric(16, 8),
        difficulty double precision,
        confirmations integer DEFAULT 0,
        found_at timestamptz NOT NULL DEFAULT now(),
        confirmed boolean DEFAULT false,
        coinbase_sig varchar(128),
        source varchar(16) DEFAULT 'hosted'""",
    "weekly_best_diff": """
        id bigserial PRIMARY KEY,
        user_id bigint REFERENCES users (id),
        btc_address varchar(62) NOT NULL,
        week_start date NOT NULL,
        best_difficulty double precision NOT NULL,
        best_share_time timestamptz,
        total_shares bigint DEFAULT 0,
        UNIQUE (btc_address, week_start)""",
    "mining_events": """
        ts timestamptz NOT NULL,
        event_type text NOT NULL,
        source varchar(16) DEFAULT 'hosted',
        payload jsonb NOT NULL""",
    "schema_migrations": """
        version integer PRIMARY KEY,
        name varchar(255) NOT NULL,
        applied_at timestamptz DEFAULT now(),
        checksum varchar(64)""",
    "rate_limit_events": """
        ts timestamptz NOT NULL,
        ip_address inet NOT NULL,
        event_type varchar(32) NOT NULL,
        details jsonb,
        region varchar(8) DEFAULT 'eu'""",
}

_AGGREGATES = {
    "hourly_shares": (
        "1 hour",
        """
        count(*) AS total_shares,
        count(*) FILTER (WHERE is_valid) AS accepted_shares,
        count(*) FILTER (WHERE NOT is_valid) AS rejected_shares,
        max(share_diff) AS best_diff,
        avg(share_diff) AS avg_diff""",
    ),
    "daily_shares": (
        "1 day",
        """
        count(*) AS total_shares,
        count(*) FILTER (WHERE is_valid) AS accepted_shares,
        max(share_diff) AS best_diff""",
    ),
}

_HYPERTABLE = "(quote_ident(hypertable_schema) || '.' || quote_ident(hypertable_name))::regclass"
_WITH_TIMESCALEDB = "EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"


def upgrade() -> None:
    """Bring the database to this schema; a database that has it already is left alone."""
    op.execute(_EXTENSION)
    _create_tables("users", "workers")
    _create_index("idx_workers_user_id", "workers (user_id)")
    _create_index("idx_workers_online", "workers (is_online) WHERE is_online = true")
    _create_tables("shares")
    _make_hypertable("shares", "time")
    _create_index("idx_shares_address", "shares (btc_address, time DESC)")
    _create_index("idx_shares_valid", "shares (is_valid, time DESC)")
    _create_tables("blocks")
    _create_index("idx_blocks_height", "blocks (block_height DESC)")
    _create_index("idx_blocks_user", "blocks (user_id)")
    _create_tables("weekly_best_diff")
    _create_index("idx_weekly_best_user", "weekly_best_diff (btc_address, week_start DESC)")
    _create_tables("mining_events")
    _make_hypertable("mining_events", "ts")
    _create_index("idx_events_type_ts", "mining_events (event_type, ts DESC)")
    _create_index("idx_events_user", "mining_events ((payload ->> 'user'))")
    _compress_and_retain("shares", "btc_address", "time DESC", compress_after="7 days", drop_after="90 days")
    _compress_and_retain("mining_events", "event_type", "ts DESC", compress_after="3 days", drop_after="30 days")
    _create_aggregate(
        "hourly_shares",
        "interval '3 hours', interval '1 hour', interval '1 hour'",
        unless="to_regclass('daily_shares') IS NOT NULL",
    )
    # init.sql asks for 2 days, which TimescaleDB refuses: a refresh must cover two buckets.
    _create_aggregate("daily_shares", "interval '3 days', interval '1 day', interval '1 day'", unless="false")
    _create_tables("schema_migrations")
    op.execute("INSERT INTO schema_migrations (version, name) VALUES (1, 'initial_schema') ON CONFLICT DO NOTHING")
    _create_tables("rate_limit_events")
    _make_hypertable("rate_limit_events", "ts", drop_after="14 days")
    _create_index("idx_ratelimit_ip", "rate_limit_events (ip_address, ts DESC)")


def downgrade() -> None:
    """Forget the baseline, and drop nothing.

    The tables belong to the event collector, hold what it recorded, and may have been there before this service; no
    trace tells which of them the upgrade made. The next upgrade finds them and goes on from there.
    """


def _create_tables(*names: str) -> None:
    for name in names:
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ({_TABLES[name]}\n)")


def _create_index(name: str, on: str) -> None:
    op.execute(f"DO $$ BEGIN {_index(name, on)} END $$")


def _index(name: str, on: str) -> str:
    return f"IF to_regclass('{name}') IS NULL THEN CREATE INDEX {name} ON {on}; END IF;"


def _make_hypertable(table: str, column: str, *, drop_after: str | None = None) -> None:
    """Cut ``table`` into chunks of a day, rows and all; on plain PostgreSQL give it the index that this makes."""
    retain = f"PERFORM add_retention_policy('{table}', interval '{drop_after}');" if drop_after else ""
    op.execute(f"""
DO $$ BEGIN
    IF NOT {_WITH_TIMESCALEDB} THEN
        {_index(f"{table}_{column}_idx", f"{table} ({column} DESC)")}
    ELSIF NOT EXISTS (
        SELECT FROM timescaledb_information.hypertables
        WHERE {_HYPERTABLE} = '{table}'::regclass
    ) THEN
        PERFORM create_hypertable(
            '{table}', '{column}', chunk_time_interval => interval '1 day', migrate_data => true
        );
        {retain}
    END IF;
END $$
""")


def _compress_and_retain(table: str, by: str, order: str, *, compress_after: str, drop_after: str) -> None:
    """Add the policies if ``init.sql`` did not get further than this: never one that would delete what is kept."""
    op.execute(f"""
DO $$ BEGIN
    IF {_WITH_TIMESCALEDB} AND to_regclass('hourly_shares') IS NULL THEN
        IF NOT EXISTS (
            SELECT FROM timescaledb_information.compression_settings
            WHERE {_HYPERTABLE} = '{table}'::regclass
        ) THEN
            ALTER TABLE {table} SET (
                timescaledb.compress,
                timescaledb.compress_segmentby = '{by}',
                timescaledb.compress_orderby = '{order}'
            );
        END IF;
        PERFORM add_compression_policy('{table}', interval '{compress_after}', if_not_exists => true);
        PERFORM add_retention_policy('{table}', interval '{drop_after}', if_not_exists => true);
    END IF;
END $$
""")


def _create_aggregate(name: str, refresh: str, *, unless: str) -> None:
    """Create a continuous aggregate and its refresh; on plain PostgreSQL a view with the same columns.

    Args:
        name: The view.
        refresh: The policy's start offset, end offset and interval.
        unless: The condition, in SQL, under which a refresh that is missing was removed.
    """
    width, columns = _AGGREGATES[name]
    op.execute(f"""
DO $$ BEGIN
    IF NOT {_WITH_TIMESCALEDB} THEN
        IF to_regclass('{name}') IS NULL THEN
            CREATE VIEW {name} AS
            SELECT date_bin('{width}', time, timestamptz '2000-01-03 00:00Z') AS bucket, btc_address, {columns}
            FROM shares GROUP BY bucket, btc_address;
        END IF;
        RETURN;
    END IF;
    IF to_regclass('{name}') IS NULL THEN
        CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous) AS
        SELECT time_bucket('{width}', time) AS bucket, btc_address, {columns}
        FROM shares GROUP BY bucket, btc_address
        WITH NO DATA;
    END IF;
    IF NOT ({unless}) AND NOT EXISTS (
        SELECT FROM timescaledb_information.jobs AS job, timescaledb_information.continuous_aggregates AS aggregate
        WHERE aggregate.view_name = '{name}' AND job.proc_name = 'policy_refresh_continuous_aggregate'
            AND job.hypertable_name IN (aggregate.view_name, aggregate.materialization_hypertable_name)
    ) THEN
        PERFORM add_continuous_aggregate_policy('{name}', {refresh});
    END IF;
END $$
""")
