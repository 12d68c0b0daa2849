"""The bytes of media items over HTTP, by their digest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse
from fourgates.chassis.http import Answer, Call, CallFactory, Digest, Problem

from dml_service.application import DmlUseCases
from dml_service.settings import DmlSettings

BYTES = "application/octet-stream"


class Arriving(Protocol):
    """Bytes that arrive."""

    @property
    def size_bytes(self) -> int:
        """How many bytes arrived."""
        ...

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        ...

    def keep(self, sha256: str) -> bool:
        """Put the bytes in place; False when they have another digest."""
        ...

    def close(self) -> None:
        """Forget what was not kept."""
        ...


class BlobStore(Protocol):
    """Where bytes are kept."""

    def holds(self, sha256: str) -> bool:
        """Return whether something is kept under a digest."""
        ...

    def sound_size(self, sha256: str) -> int | None:
        """Read all that is kept under a digest and return its size; nothing when it is absent or damaged."""
        ...

    def read(self, sha256: str) -> Iterator[bytes]:
        """Yield what is kept under a digest."""
        ...

    def begin(self) -> Arriving:
        """Return a place for bytes that arrive."""
        ...


class BlobAnswer(Answer):
    """What is kept under a digest."""

    sha256: str
    size_bytes: int


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}}}
}
_KEPT: dict[int | str, dict[str, Any]] = {
    200: {"description": "These bytes are kept already.", "model": BlobAnswer},
    201: {"description": "The bytes are kept now.", "model": BlobAnswer},
}


def routes(caller: CallFactory[DmlUseCases], blobs: BlobStore, settings: DmlSettings) -> APIRouter:
    """Return the routes of the bytes in a store."""
    router = APIRouter(prefix="/v1", tags=["blobs"])
    reader = caller("dml:read", serves=(BYTES,))
    writer = caller("dml:write", media=(BYTES,), body_limit_bytes=settings.blob_bytes_max, stream=True)

    @router.put(
        "/blobs/{sha256}",
        operation_id="blobs_put",
        status_code=201,
        response_model=BlobAnswer,
        responses=_KEPT,
        openapi_extra=_BODY,
    )
    async def put_blob(sha256: Digest, call: Call = Depends(writer)) -> Response:  # noqa: B008, FAST002 - made per store
        """Keep bytes under their sha256; what is kept already is not written again."""
        upload = await run_in_threadpool(blobs.begin)
        try:
            async for piece in _pieces(call.stream(), settings.blob_chunk_bytes):
                await run_in_threadpool(upload.write, piece)
            size_bytes = upload.size_bytes
            held = await run_in_threadpool(_keep, blobs, upload, sha256)
        finally:
            await run_in_threadpool(upload.close)
        body = {"sha256": sha256, "size_bytes": size_bytes}
        root_path = call.request.scope.get("root_path", "")
        headers = {"ETag": f'"{sha256}"', "Location": f"{root_path}/v1/blobs/{sha256}"}
        return JSONResponse(body, 200 if held else 201, headers=headers)

    @router.get("/blobs/{sha256}", operation_id="blobs_get", response_class=Response, responses=_SENT)
    def get_blob(sha256: Digest, call: Call = Depends(reader)) -> Response:  # noqa: B008, FAST002 - made per store
        """Send the bytes of a digest, after they were verified. Whoever may read the library may have them."""
        headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
        if not blobs.holds(sha256):
            raise Problem("not-found")
        if call.request.headers.get("if-none-match") in {f'"{sha256}"', "*"}:
            return Response(status_code=304, headers=headers)
        size_bytes = blobs.sound_size(sha256)
        if size_bytes is None:
            raise Problem("unavailable", "The bytes are damaged here and are not handed out; restore them.")
        headers |= {
            "Content-Length": str(size_bytes),
            "Content-Disposition": f'attachment; filename="{sha256}"',
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(blobs.read(sha256), media_type=BYTES, headers=headers)

    return router


def _keep(blobs: BlobStore, upload: Arriving, sha256: str) -> bool:
    """Keep what arrived, and return whether it was kept before; damaged bytes are replaced. Raises the 400 problem."""
    held = blobs.sound_size(sha256) is not None
    if not upload.keep(sha256):
        detail = "The body has another sha256 than the address says"
        raise Problem("unparsable", errors=[{"parameter": "sha256", "code": "digest-mismatch", "detail": detail}])
    return held


async def _pieces(arriving: AsyncIterator[bytes], size_bytes: int) -> AsyncIterator[bytes]:
    """Gather small pieces, so that each trip to a thread is worth it."""
    gathered = bytearray()
    async for piece in arriving:
        gathered += piece
        if len(gathered) >= size_bytes:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)
