"""The Redis client."""

import pytest
import typed_settings as ts

from tbg.config import Settings, SettingsError
from tbg.redis_client import create_redis


@pytest.mark.parametrize("query", ["socket_timeout=soon", "db=first", "nonsense=1"])
def test_a_query_that_redis_py_does_not_know_stops_the_boot(query: str) -> None:
    settings = Settings(redis_url=ts.SecretStr(f"redis://:Xk9-marker@h/0?{query}"))

    with pytest.raises(SettingsError, match="TBG_REDIS_URL") as refused:
        create_redis(settings)

    assert "Xk9-marker" not in str(refused.value)
