"""The router."""

import pytest

from tbg.contract import Router


class Health:
    async def on_get(self, req: object, resp: object) -> None: ...


@pytest.mark.parametrize("path", ["//health", "///health", "//", "/health/", "/health//"])
def test_a_path_is_taken_as_it_is_written(path: str) -> None:
    router = Router()
    router.add_route("/health", Health(), _asgi=True)

    assert router.find("/health") is not None
    assert router.find(path) is None
