"""/docs (Swagger UI) and /redoc, for people who explore the API; only with ``TBG_DEBUG=true``.

They are pages, not operations: the contract does not list them. Their assets come from an installed package, so they
work without the internet and tell no CDN who looks; a Content-Security-Policy holds them to that.
"""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import falcon.asgi

from tbg.context import Request, Response
from tbg.contract import DocumentResource

_ASSETS: Final = "/docs/assets"
_TYPES: Final = {"css": "text/css; charset=utf-8", "js": falcon.MEDIA_JS, "png": falcon.MEDIA_PNG}
_ICON: Final = "swagger-ui-dist/favicon-32x32.png"
_STYLES: Final = "swagger-ui-dist/swagger-ui.css"
_SWAGGER_UI: Final = "swagger-ui-dist/swagger-ui-bundle.js"
_REDOC: Final = "redoc/bundles/redoc.standalone.js"

# Redoc shows its maker's logo, from a CDN: an empty picture stands in for it.
_LOGO: Final = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_NO_PICTURE: Final = b"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E"

# What starts the pages. Without validatorUrl, Swagger UI would show a contract to validator.swagger.io.
_OWN: Final = {
    "page.css": "body { margin: 0; }",
    "swagger-ui-init.js": (
        'SwaggerUIBundle({url: "/openapi.json", dom_id: "#ui", deepLinking: true, validatorUrl: null});'
    ),
    "redoc-init.js": 'Redoc.init("/openapi.json", {}, document.getElementById("ui"));',
}

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
# Redoc makes style elements: empty ones, which its script fills, and one with the styles of its scroll bar.
_NOTHING: Final = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
_SCROLL_BAR: Final = "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
# Its search runs in a worker that it makes of a part of its own script.
_REDOC_POLICY: Final = _POLICY | {"style-src": f"'self' {_NOTHING} {_SCROLL_BAR}", "worker-src": "blob:"}


def _html(styles: Iterable[str], scripts: Iterable[str]) -> str:
    links = "".join(f'<link rel="stylesheet" href="{_ASSETS}/{name}">' for name in styles)
    tags = "".join(f'<script src="{_ASSETS}/{name}"></script>' for name in scripts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>The Bitcoin Game API</title><link rel="icon" href="{_ASSETS}/{_ICON}">{links}</head>
<body><div id="ui"></div>{tags}</body></html>
"""


class _Page:
    """A page that no other page may frame, and that loads nothing but what its policy names."""

    def __init__(self, html: str, policy: dict[str, str]) -> None:
        self._html = html
        self._headers = {
            "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        }

    async def on_get(self, _req: Request, resp: Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.set_headers(self._headers)
        resp.text = self._html


def add_docs(app: falcon.asgi.App[Any, Any]) -> None:
    """Route the pages and the files that they load."""
    package = find_spec("drf_spectacular_sidecar")
    locations = package.submodule_search_locations if package else None
    if not locations:
        raise RuntimeError("TBG_DEBUG=true needs the package drf-spectacular-sidecar: install the lock, or unset it")
    swagger_ui = _html([_STYLES, "page.css"], [_SWAGGER_UI, "swagger-ui-init.js"])
    app.add_route("/docs", _Page(swagger_ui, _POLICY))
    app.add_route("/redoc", _Page(_html(["page.css"], [_REDOC, "redoc-init.js"]), _REDOC_POLICY))
    for name, body in _assets(Path(locations[0]) / "static" / "drf_spectacular_sidecar"):
        app.add_route(f"{_ASSETS}/{name}", DocumentResource(body, _TYPES[name.rpartition(".")[2]]))


def _assets(folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in (_ICON, _STYLES, _SWAGGER_UI, _REDOC):
        yield name, (folder / name).read_bytes().replace(_LOGO, _NO_PICTURE)
    for name, text in _OWN.items():
        yield name, text.encode()
