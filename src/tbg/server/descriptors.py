"""How many connections a worker can hold without running out of file descriptors."""

import resource
from typing import Final

from tbg.config import Settings
from tbg.contract import MOST_ON_DISK

_ENOUGH: Final = 65_536  # more than a worker ever needs; some systems have a hard limit without end
_OWN: Final = 64  # listeners, pipes, the log, modules that are loaded late, connections that are being accepted


def raise_soft_limit() -> int:
    """Raise this process's soft limit of open files to its hard limit, which children inherit.

    Returns:
        The limit that holds now.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, min(hard, _ENOUGH)) if hard != resource.RLIM_INFINITY else max(soft, _ENOUGH)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a system that allows less than it says
        return soft
    return wanted


def connection_limit(settings: Settings, descriptors: int) -> int:
    """Return how many connections of clients a worker may hold: as many as are set, or as descriptors are left."""
    pools = settings.database_pool_size + settings.database_max_overflow + settings.redis_max_connections
    reserved = pools + MOST_ON_DISK + _OWN
    return min(settings.max_connections, max(descriptors - reserved, descriptors // 4))
