"""The resources of this feature: each responder reads the call, awaits one method of the service, sets the answer."""

import csv
import hashlib
import io
from collections.abc import AsyncIterator, Iterable

import falcon
from falcon.asgi import SSEvent

from tbg.context import Request, Response

from .models import (
    Receipt,
    Share,
    ShareKey,
    StatisticsQuery,
    Upload,
    Worker,
    WorkerFilter,
    WorkerInput,
    WorkerKey,
    WorkerPatch,
    WorkerSearch,
)
from .service import WorkerService


class _Resource:
    def __init__(self, service: WorkerService) -> None:
        self._service = service


class Workers(_Resource):
    """``/workers``."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """List workers."""
        wanted = req.context.call.parameters(WorkerFilter)
        page = await self._service.page(wanted)
        resp.media = page
        resp.set_header("X-Trace-Level", str(wanted.x_trace_level))
        if page.next_cursor is not None:
            resp.append_link(f"/workers?cursor={page.next_cursor}&page_size={wanted.page_size}", "next")

    async def on_post(self, req: Request, resp: Response) -> None:
        """Register a worker."""
        worker = await self._service.create(req.context.call.body(WorkerInput))
        resp.status = falcon.HTTP_201
        resp.location = f"/workers/{worker.id}"
        resp.media = worker


class OneWorker(_Resource):
    """``/workers/{worker_id}``."""

    async def on_get(self, req: Request, resp: Response, **_: object) -> None:
        """Get a worker."""
        resp.media = await self._service.get(req.context.call.parameters(WorkerKey).worker_id)

    async def on_put(self, req: Request, resp: Response, **_: object) -> None:
        """Replace a worker."""
        call = req.context.call
        resp.media = await self._service.replace(call.parameters(WorkerKey).worker_id, call.body(WorkerInput))

    async def on_patch(self, req: Request, resp: Response, **_: object) -> None:
        """Change a worker."""
        call = req.context.call
        resp.media = await self._service.change(call.parameters(WorkerKey).worker_id, call.body(WorkerPatch))

    async def on_delete(self, req: Request, resp: Response, **_: object) -> None:
        """Delete a worker."""
        await self._service.delete(req.context.call.parameters(WorkerKey).worker_id)
        resp.status = falcon.HTTP_204


class Shares(_Resource):
    """``/workers/{worker_id}/shares``."""

    async def on_post(self, req: Request, resp: Response, **_: object) -> None:
        """Hand in a share."""
        call = req.context.call
        share = await self._service.submit(call.parameters(WorkerKey).worker_id, call.body(str))
        resp.status = falcon.HTTP_201
        resp.location = _location(share)
        resp.media = share


class OneShare(_Resource):
    """``/workers/{worker_id}/shares/{number}``."""

    async def on_get(self, req: Request, resp: Response, **_: object) -> None:
        """Get a share."""
        key = req.context.call.parameters(ShareKey)
        resp.media = await self._service.share(key.worker_id, key.number)


class LatestShare(_Resource):
    """``/workers/{worker_id}/latest-share``."""

    async def on_get(self, req: Request, resp: Response, **_: object) -> None:
        """Redirect to the share handed in last."""
        share = await self._service.latest_share(req.context.call.parameters(WorkerKey).worker_id)
        if share is not None:
            raise falcon.HTTPSeeOther(_location(share))
        resp.status = falcon.HTTP_204


class ShareEvents(_Resource):
    """``/workers/{worker_id}/events``."""

    async def on_get(self, req: Request, resp: Response, **_: object) -> None:
        """Send the shares as events."""
        shares = await self._service.shares(req.context.call.parameters(WorkerKey).worker_id)
        resp.sse = _events(shares)


class Export(_Resource):
    """``/workers.csv``."""

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Stream all workers."""
        resp.content_type = "text/csv"
        resp.downloadable_as = "workers.csv"
        resp.stream = _lines(self._service.stream())


class Searches(_Resource):
    """``/worker-searches``."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Search workers."""
        resp.media = await self._service.search(req.context.call.body(WorkerSearch))


class Imports:
    """``/worker-imports``."""

    async def on_post(self, req: Request, resp: Response) -> None:
        """Say what arrived."""
        upload = req.context.call.body(Upload)
        digest = hashlib.sha256(upload.file).hexdigest()
        resp.media = Receipt(upload.label, len(upload.file), digest, upload.dry_run)


class StatisticsByRegion(_Resource):
    """``/worker-statistics``."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Count workers."""
        resp.media = await self._service.statistics(req.context.call.parameters(StatisticsQuery))


def _location(share: Share) -> str:
    return f"/workers/{share.worker_id}/shares/{share.number}"


async def _events(shares: Iterable[Share]) -> AsyncIterator[SSEvent]:
    for share in shares:
        yield SSEvent(event="share", event_id=str(share.number), json={"number": share.number, "nonce": share.nonce})


async def _lines(workers: AsyncIterator[Worker]) -> AsyncIterator[bytes]:
    yield b"id,name,region,hashrate\r\n"
    async for worker in workers:
        line = io.StringIO()
        csv.writer(line).writerow([worker.id, worker.name, worker.region, worker.hashrate])
        yield line.getvalue().encode()
