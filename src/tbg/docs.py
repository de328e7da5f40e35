"""/docs (Swagger UI) and /redoc, for people who explore the API; only with ``TBG_DEBUG=true``.

They are pages, not operations: the contract does not list them. Their assets come from an installed package, so they
work without the internet and tell no CDN who looks.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import falcon.asgi

from tbg.context import Request, Response

_ASSETS = "/docs/assets"
_STYLES = f"{_ASSETS}/swagger-ui-dist/swagger-ui.css"
_ICON = f"{_ASSETS}/swagger-ui-dist/favicon-32x32.png"

_SWAGGER_UI = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The Bitcoin Game API</title>
<link rel="icon" href="{_ICON}"><link rel="stylesheet" href="{_STYLES}"></head>
<body><div id="ui"></div><script src="{_ASSETS}/swagger-ui-dist/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({{url: "/openapi.json", dom_id: "#ui", deepLinking: true}})</script></body></html>
"""

_REDOC = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The Bitcoin Game API</title><link rel="icon" href="{_ICON}"></head>
<body style="margin:0"><redoc spec-url="/openapi.json"></redoc>
<script src="{_ASSETS}/redoc/bundles/redoc.standalone.js"></script></body></html>
"""


class _Page:
    def __init__(self, html: str) -> None:
        self._html = html

    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self._html


def add_docs(app: falcon.asgi.App[Any, Any]) -> None:
    """Route the pages and their assets."""
    package = find_spec("drf_spectacular_sidecar")
    locations = package.submodule_search_locations if package else None
    if not locations:
        raise RuntimeError("TBG_DEBUG=true needs the package drf-spectacular-sidecar: install the lock, or unset it")
    app.add_route("/docs", _Page(_SWAGGER_UI))
    app.add_route("/redoc", _Page(_REDOC))
    app.add_static_route(_ASSETS, Path(locations[0]) / "static" / "drf_spectacular_sidecar")
