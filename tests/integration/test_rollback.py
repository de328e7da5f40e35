"""What tests of features stand on: a database that is as it was after each of them."""

import contextlib

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tbg.db.models import User
from tbg.infrastructure import Infrastructure


@pytest.mark.parametrize("name", ["first", "second"])
async def test_each_test_finds_the_database_empty(infrastructure: Infrastructure, name: str) -> None:
    """Both commit the same address, which is unique; the order does not matter."""
    async with infrastructure.database.transaction() as session:
        session.add(User(btc_address="bc1q", display_name=name))

    async with infrastructure.database.read() as session:
        users = (await session.scalars(select(User.display_name))).all()
    assert users == [name]


async def test_a_failed_transaction_undoes_itself_only(infrastructure: Infrastructure) -> None:
    async with infrastructure.database.transaction() as session:
        session.add(User(btc_address="bc1qkept"))
    with contextlib.suppress(ZeroDivisionError):
        async with infrastructure.database.transaction() as session:
            session.add(User(btc_address="bc1qlost"))
            await session.flush()
            raise ZeroDivisionError

    async with infrastructure.database.read() as session:
        assert (await session.scalars(select(User.btc_address))).all() == ["bc1qkept"]


async def test_a_read_session_cannot_write_here_either(infrastructure: Infrastructure) -> None:
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with infrastructure.database.read() as session:
            await session.execute(text("DELETE FROM users"))

    async with infrastructure.database.transaction() as session:
        await session.execute(text("DELETE FROM users"))
