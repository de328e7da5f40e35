"""An application that answers every request with what the server says of it.

gunicorn -c gunicorn.conf.py 'tests.integration.mirror:create_app()'
"""

from tbg.app import App
from tbg.context import Request, Response

APP = "tests.integration.mirror:create_app()"


async def _tell(req: Request, resp: Response | None, **_: object) -> None:
    assert resp is not None
    resp.media = {name: req.scope.get(name) for name in ("client", "scheme", "server")}


def create_app() -> App:
    """Make the application; gunicorn calls this."""
    app = App(request_type=Request)
    app.add_sink(_tell, "/")
    return app
