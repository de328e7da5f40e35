"""The event collector's schema as its script makes it, statement by statement: what databases in the field hold.

Written from the description of the live database, apart from the baseline, so that each is the other's test.
"""

from typing import Final

_TABLES_1: Final = (
    """CREATE TABLE users (
        id BIGSERIAL PRIMARY KEY, btc_address VARCHAR(62) NOT NULL UNIQUE, display_name VARCHAR(64),
        country_code CHAR(2), created_at TIMESTAMPTZ DEFAULT NOW(), last_seen TIMESTAMPTZ,
        is_verified BOOLEAN DEFAULT FALSE)""",
    """CREATE TABLE workers (
        id BIGSERIAL PRIMARY KEY, user_id BIGINT REFERENCES users(id), worker_name VARCHAR(128) NOT NULL,
        first_seen TIMESTAMPTZ DEFAULT NOW(), last_share TIMESTAMPTZ, current_diff DOUBLE PRECISION,
        hashrate_1m DOUBLE PRECISION, hashrate_5m DOUBLE PRECISION, hashrate_1h DOUBLE PRECISION,
        hashrate_24h DOUBLE PRECISION, is_online BOOLEAN DEFAULT FALSE, source VARCHAR(16) DEFAULT 'hosted')""",
    "CREATE INDEX idx_workers_user_id ON workers(user_id)",
    "CREATE INDEX idx_workers_online ON workers(is_online) WHERE is_online = TRUE",
    """CREATE TABLE shares (
        time TIMESTAMPTZ NOT NULL, btc_address VARCHAR(62) NOT NULL, worker_name VARCHAR(128) NOT NULL DEFAULT '',
        difficulty DOUBLE PRECISION NOT NULL, share_diff DOUBLE PRECISION NOT NULL,
        is_valid BOOLEAN NOT NULL DEFAULT TRUE, is_block BOOLEAN DEFAULT FALSE, ip_address INET,
        nonce VARCHAR(16), nonce2 VARCHAR(32), block_hash VARCHAR(64), source VARCHAR(16) DEFAULT 'hosted')""",
    "SELECT create_hypertable('shares', 'time', chunk_time_interval => INTERVAL '1 day')",
    "CREATE INDEX idx_shares_address ON shares(btc_address, time DESC)",
    "CREATE INDEX idx_shares_valid ON shares(is_valid, time DESC)",
    """CREATE TABLE blocks (
        id BIGSERIAL PRIMARY KEY, block_height INTEGER NOT NULL, block_hash VARCHAR(64) NOT NULL UNIQUE,
        prev_hash VARCHAR(64), user_id BIGINT REFERENCES users(id), worker_id BIGINT REFERENCES workers(id),
        btc_address VARCHAR(62), reward_btc NUMERIC(16,8), fees_btc NUMERIC(16,8), difficulty DOUBLE PRECISION,
        confirmations INTEGER DEFAULT 0, found_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), confirmed BOOLEAN DEFAULT FALSE,
        coinbase_sig VARCHAR(128), source VARCHAR(16) DEFAULT 'hosted')""",
    "CREATE INDEX idx_blocks_height ON blocks(block_height DESC)",
    "CREATE INDEX idx_blocks_user ON blocks(user_id)",
    """CREATE TABLE weekly_best_diff (
        id BIGSERIAL PRIMARY KEY, user_id BIGINT REFERENCES users(id), btc_address VARCHAR(62) NOT NULL,
        week_start DATE NOT NULL, best_difficulty DOUBLE PRECISION NOT NULL, best_share_time TIMESTAMPTZ,
        total_shares BIGINT DEFAULT 0, UNIQUE(btc_address, week_start))""",
    "CREATE INDEX idx_weekly_best_user ON weekly_best_diff(btc_address, week_start DESC)",
    """CREATE TABLE mining_events (
        ts TIMESTAMPTZ NOT NULL, event_type TEXT NOT NULL, source VARCHAR(16) DEFAULT 'hosted',
        payload JSONB NOT NULL)""",
    "SELECT create_hypertable('mining_events', 'ts', chunk_time_interval => INTERVAL '1 day')",
    "CREATE INDEX idx_events_type_ts ON mining_events(event_type, ts DESC)",
    "CREATE INDEX idx_events_user ON mining_events ((payload->>'user'))",
)

_POLICIES: Final = (
    """ALTER TABLE shares SET (timescaledb.compress,
        timescaledb.compress_segmentby = 'btc_address', timescaledb.compress_orderby = 'time DESC')""",
    "SELECT add_compression_policy('shares', INTERVAL '7 days')",
    """ALTER TABLE mining_events SET (timescaledb.compress,
        timescaledb.compress_segmentby = 'event_type', timescaledb.compress_orderby = 'ts DESC')""",
    "SELECT add_compression_policy('mining_events', INTERVAL '3 days')",
    "SELECT add_retention_policy('shares', INTERVAL '90 days')",
    "SELECT add_retention_policy('mining_events', INTERVAL '30 days')",
    """CREATE MATERIALIZED VIEW hourly_shares WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 hour', time) AS bucket, btc_address, COUNT(*) AS total_shares,
            COUNT(*) FILTER (WHERE is_valid) AS accepted_shares,
            COUNT(*) FILTER (WHERE NOT is_valid) AS rejected_shares,
            MAX(share_diff) AS best_diff, AVG(share_diff) AS avg_diff
        FROM shares GROUP BY bucket, btc_address WITH NO DATA""",
    """SELECT add_continuous_aggregate_policy('hourly_shares', start_offset => INTERVAL '3 hours',
        end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '1 hour')""",
    """CREATE MATERIALIZED VIEW daily_shares WITH (timescaledb.continuous) AS
        SELECT time_bucket('1 day', time) AS bucket, btc_address, COUNT(*) AS total_shares,
            COUNT(*) FILTER (WHERE is_valid) AS accepted_shares, MAX(share_diff) AS best_diff
        FROM shares GROUP BY bucket, btc_address WITH NO DATA""",
)

# The script asks for a start offset of 2 days, which is refused, and ends there.
_DAILY_REFRESH: Final = """SELECT add_continuous_aggregate_policy('daily_shares', start_offset => INTERVAL '3 days',
    end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '1 day')"""

_TABLES_2: Final = (
    """CREATE TABLE schema_migrations (
        version INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, applied_at TIMESTAMPTZ DEFAULT NOW(),
        checksum VARCHAR(64))""",
    "INSERT INTO schema_migrations (version, name) VALUES (1, 'initial_schema')",
    """CREATE TABLE rate_limit_events (
        ts TIMESTAMPTZ NOT NULL, ip_address INET NOT NULL, event_type VARCHAR(32) NOT NULL, details JSONB,
        region VARCHAR(8) DEFAULT 'eu')""",
    "SELECT create_hypertable('rate_limit_events', 'ts', chunk_time_interval => INTERVAL '1 day')",
    "CREATE INDEX idx_ratelimit_ip ON rate_limit_events(ip_address, ts DESC)",
    "SELECT add_retention_policy('rate_limit_events', INTERVAL '14 days')",
)


def complete(*, timescaledb: bool) -> list[str]:
    """Return every statement; on plain PostgreSQL those that it knows."""
    if timescaledb:
        return ["CREATE EXTENSION IF NOT EXISTS timescaledb", *_TABLES_1, *_POLICIES, _DAILY_REFRESH, *_TABLES_2]
    return [each for each in (*_TABLES_1, *_TABLES_2) if not each.startswith(("SELECT create_", "SELECT add_"))]


def without_daily_refresh(*, timescaledb: bool) -> list[str]:
    """Return what there is when the script was run without stopping at its error."""
    return [each for each in complete(timescaledb=timescaledb) if each != _DAILY_REFRESH]


def half_way(*, timescaledb: bool) -> list[str]:
    """Return what there is when the script stopped at its error: the usual state in the field."""
    statements = complete(timescaledb=timescaledb)
    end = statements.index(_DAILY_REFRESH) if timescaledb else statements.index(_TABLES_2[0])
    return statements[:end]
