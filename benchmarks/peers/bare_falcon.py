"""Falcon as it comes: two routes, no middleware, no contract, no limit, no log, Falcon's own JSON handler."""

import falcon.asgi

from benchmarks.peers.environment import HEALTH, VERSION


class Constant:
    """A resource that always answers the same."""

    def __init__(self, media: dict[str, str]) -> None:
        self._media = media

    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer."""
        resp.media = self._media


app = falcon.asgi.App()
app.add_route("/version", Constant(VERSION))
app.add_route("/health", Constant(HEALTH))
