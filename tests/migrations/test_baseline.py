"""From whatever it finds, the baseline leads to one schema, and loses nothing."""

import pytest
from alembic import command

from tbg.migrations import configuration
from tests.migrations.conftest import NewDatabase
from tests.support import collector
from tests.support.catalogue import Catalogue, catalogue, contents, fill, refresh
from tests.support.databases import ask, migrate, settings_for


@pytest.fixture
def schema(at_head: str, timescaledb: bool) -> Catalogue:
    """What every database is made of in the end."""
    return catalogue(at_head, timescaledb=timescaledb)


def test_every_state_leads_to_the_same_schema(found: str, schema: Catalogue, timescaledb: bool) -> None:
    migrate(found)

    assert catalogue(found, timescaledb=timescaledb) == schema
    command.check(configuration(settings_for(found)))


def test_the_schema_is_the_collectors(complete: str, schema: Catalogue, timescaledb: bool) -> None:
    """But for what plain PostgreSQL cannot have: TimescaleDB's index on the time column, and its aggregates."""
    made = catalogue(complete, timescaledb=timescaledb)

    for kind, objects in made.items():
        assert [each for each in objects if each not in schema[kind]] == []
    if timescaledb:
        assert made == schema


def test_the_collectors_script_may_have_stopped_anywhere(
    new_database: NewDatabase,
    schema: Catalogue,
    timescaledb: bool,
) -> None:
    """Where only its last policy is missing, one that deletes, somebody may have taken it away: it is not added."""
    statements = collector.complete(timescaledb=timescaledb)
    made = next((end for end, each in enumerate(statements, 1) if "create_hypertable('rate_" in each), len(statements))
    for end in range(1, len(statements)):
        url = new_database()
        ask(url, *statements[:end])

        migrate(url)

        expected = schema if end < made else without_last_policy(schema)
        assert catalogue(url, timescaledb=timescaledb) == expected, f"after {statements[end - 1]}"


def without_last_policy(schema: Catalogue) -> Catalogue:
    last = {"proc_name": "policy_retention", "hypertable_name": "rate_limit_events"}
    return {**schema, "policies": [each for each in schema["policies"] if not last.items() <= each.items()]}


@pytest.mark.parametrize("state", ["half_way", "complete", "ran_on", "at_head"])
def test_no_row_is_lost_or_changed(request: pytest.FixtureRequest, state: str, timescaledb: bool) -> None:
    url = request.getfixturevalue(state)
    fill(url, compress=timescaledb)
    before = contents(url)

    migrate(url)
    command.downgrade(configuration(settings_for(url)), "base")
    migrate(url)

    after = contents(url)
    assert before.items() <= after.items()
    assert before["shares"][0] == 4800


def test_rows_of_a_table_that_is_not_cut_into_chunks_yet_are_kept(
    empty: str, schema: Catalogue, timescaledb: bool
) -> None:
    tables = [each for each in collector.complete(timescaledb=timescaledb) if each.startswith("CREATE TABLE")]
    ask(empty, *tables)
    fill(empty, compress=False)
    before = contents(empty)
    del before["schema_migrations"]  # gets its line

    migrate(empty)

    assert before.items() <= contents(empty).items()
    assert catalogue(empty, timescaledb=timescaledb) == schema


def test_what_others_have_added_stays(complete: str, timescaledb: bool) -> None:
    ask(
        complete,
        "ALTER TABLE shares ADD COLUMN region varchar(8) DEFAULT 'eu'",
        "CREATE INDEX idx_shares_region ON shares (region, time DESC)",
        "ALTER TABLE users ADD CONSTRAINT somewhere CHECK (country_code <> '')",
        "CREATE TABLE somebody_elses (id int PRIMARY KEY, note text)",
        "INSERT INTO schema_migrations (version, name) VALUES (2, 'add_region_column')",
    )
    fill(complete, compress=timescaledb)
    before = (catalogue(complete, timescaledb=timescaledb), contents(complete))

    migrate(complete)
    command.check(configuration(settings_for(complete)))

    added = catalogue(complete, timescaledb=timescaledb)
    for kind, objects in before[0].items():
        assert [each for each in objects if each not in added[kind]] == []
    assert contents(complete) == before[1]


def test_policies_that_an_operator_changed_stay(complete: str, timescaledb: bool) -> None:
    if not timescaledb:
        pytest.skip("plain PostgreSQL has no policies; the workflow's TimescaleDB job runs this")
    ask(
        complete,
        "SELECT remove_retention_policy('shares')",  # keeps them for ever: a new policy would delete them
        "SELECT remove_compression_policy('mining_events')",
        "SELECT remove_retention_policy('mining_events')",
        "SELECT add_retention_policy('mining_events', interval '1 year')",
        "SELECT remove_continuous_aggregate_policy('hourly_shares')",
        "SELECT set_chunk_time_interval('shares', interval '6 hours')",
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs"
        " WHERE hypertable_name = 'rate_limit_events'",
    )
    before = catalogue(complete, timescaledb=True)

    migrate(complete)

    assert catalogue(complete, timescaledb=True) == before


def test_a_downgrade_drops_nothing(at_head: str, schema: Catalogue, timescaledb: bool) -> None:
    fill(at_head, compress=timescaledb)
    before = contents(at_head)

    command.downgrade(configuration(settings_for(at_head)), "base")

    assert contents(at_head) == before
    assert catalogue(at_head, timescaledb=timescaledb) == schema
    assert ask(at_head, "SELECT * FROM alembic_version") == []


def test_the_aggregates_answer_the_same_on_both(at_head: str, timescaledb: bool) -> None:
    ask(
        at_head,
        "INSERT INTO shares (time, btc_address, difficulty, share_diff, is_valid) VALUES"
        " ('2026-01-04 23:30Z', 'a', 1, 2, true), ('2026-01-04 23:59Z', 'a', 1, 4, false),"
        " ('2026-01-05 00:00Z', 'a', 1, 8, true)",
    )
    if timescaledb:
        for name in ("hourly_shares", "daily_shares"):
            refresh(at_head, name)

    hourly = ask(at_head, "SELECT * FROM hourly_shares ORDER BY bucket")
    daily = ask(at_head, "SELECT * FROM daily_shares ORDER BY bucket")

    assert [
        (str(row["bucket"]), *(row[name] for name in ("total_shares", "accepted_shares", "rejected_shares")))
        for row in hourly
    ] == [("2026-01-04 23:00:00+00:00", 2, 1, 1), ("2026-01-05 00:00:00+00:00", 1, 1, 0)]
    assert [(row["best_diff"], row["avg_diff"]) for row in hourly] == [(4.0, 3.0), (8.0, 8.0)]
    assert [(str(row["bucket"]), row["total_shares"], row["best_diff"]) for row in daily] == [
        ("2026-01-04 00:00:00+00:00", 2, 4.0),
        ("2026-01-05 00:00:00+00:00", 1, 8.0),
    ]
