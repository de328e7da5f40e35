"""What happens once per worker."""

from tbg.infrastructure import Infrastructure


class LifecycleMiddleware:
    """Close the connections when the worker stops."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        """Close everything the worker holds open."""
        await self._infrastructure.close()
