"""Checkouts for the tests of `tbg dev`."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.dev.checkouts import Checkout


@pytest.fixture(scope="module")
def shared_directory() -> Iterator[Path]:
    """A directory that every user can enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="tbg-checkouts-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def _used_checkout(shared_directory: Path) -> Iterator[Checkout]:
    """One checkout for the tests of a file, so that PostgreSQL's data is created once."""
    checkout = Checkout(shared_directory / "checkout")
    yield checkout
    checkout.remove()


@pytest.fixture
def checkout(_used_checkout: Checkout) -> Iterator[Checkout]:
    """A checkout in which something may have run before."""
    yield _used_checkout
    _used_checkout.end_runs()


@pytest.fixture
def make_checkout() -> Iterator[Callable[[Path], Checkout]]:
    """Make checkouts in which nothing has run yet."""
    made: list[Checkout] = []

    def make(root: Path) -> Checkout:
        made.append(Checkout(root))
        return made[-1]

    yield make
    for checkout in made:
        checkout.remove()


@pytest.fixture
def fresh_checkout(make_checkout: Callable[[Path], Checkout], shared_directory: Path) -> Checkout:
    """A checkout in which nothing has run yet."""
    return make_checkout(shared_directory / "fresh")
