"""Serve the contract itself."""

import falcon
import falcon.asgi

from tbg.contract.document import strong_etag


class DocumentResource:
    """One representation of the contract, with a strong entity tag (RFC 9110, section 8.8.3)."""

    def __init__(self, body: bytes, content_type: str) -> None:
        self._body = body
        self._content_type = content_type
        self._etag = falcon.ETag(strong_etag(body))

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Send the document, or 304 to a client that has it."""
        resp.etag = self._etag
        resp.cache_control = ["private", "no-cache"]
        # Compared weakly (RFC 9110, section 13.1.2); to Falcon the tag "*" and the wildcard are the same.
        if req.get_header("If-None-Match") == "*" or self._etag in (req.if_none_match or []):
            resp.status = falcon.HTTP_304
        else:
            resp.content_type = self._content_type
            resp.data = self._body
