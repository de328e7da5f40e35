"""Find the servers' programs inside their PyPI packages, without importing those."""

from importlib.util import find_spec
from pathlib import Path

from tbg.dev.errors import DevServerError


def package_directory(name: str) -> Path:
    """Return where a package's files are.

    Raises:
        DevServerError: It is not installed, as in production.
    """
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise DevServerError(
            f"the package {name} is missing: install the development requirements (make setup), "
            "or set TBG_DATABASE_URL and TBG_REDIS_URL to servers of your own"
        )
    return Path(spec.submodule_search_locations[0])


def program(directory: Path, pattern: str) -> Path:
    """Return the one program a package carries under a glob pattern.

    Raises:
        DevServerError: The package has none for this system.
    """
    for found in directory.glob(pattern):
        return found
    raise DevServerError(
        f"{directory.name} carries no {Path(pattern).name} for this system: "
        "set TBG_DATABASE_URL and TBG_REDIS_URL to servers of your own"
    )
