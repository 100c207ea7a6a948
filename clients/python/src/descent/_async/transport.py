"""Sends requests, and sends them again where that is right."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import anyio
import httpx

from .._request import Json, Request, get, problem_of
from .._retry import Retry
from .._sse import Decoder
from ..errors import ApiError, ConnectionFailed

PAGE = 100
"""Items of a page: as many as a server gives."""
PIECE_BYTES = 256 << 10
HEARTBEATS_S = 60.0
"""A stream that is silent this long is dead: a server says something every 15 s."""


class AsyncTransport:
    """A connection to one server, for one token."""

    def __init__(self, url: str, token: str, retry: Retry, timeout_s: float, transport: httpx.AsyncBaseTransport | None) -> None:
        self.retry = retry
        self.timeout_s = timeout_s
        self.sleep = anyio.sleep
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "descent-python"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout_s, transport=transport)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def json(self, request: Request) -> Json:
        """The document that answers; for 204 an empty one."""
        answer = await self.send(request)
        document: Json = json.loads(answer.content) if answer.content else {}
        return document

    async def send(self, request: Request) -> httpx.Response:
        """A good answer, after as many attempts as it takes."""
        attempt = 0
        while True:
            delay: float | None
            try:
                answer = await self._once(request)
            except httpx.TransportError as silence:
                delay = self.retry.after_silence(attempt) if request.repeatable else None
                if delay is None:
                    raise ConnectionFailed(f"{request.method} {request.path}: {silence or type(silence).__name__}") from silence
            else:
                if answer.is_success:
                    return answer
                if attempt > 0 and request.method == "DELETE" and answer.status_code == 404:
                    # An attempt before this one has deleted it, and only its answer was lost.
                    return answer
                error = problem_of(answer.status_code, answer.content)
                delay = self.retry.after_answer(attempt, error, answer.headers) if request.repeatable else None
                if delay is None:
                    raise error
            await self.sleep(delay)
            attempt += 1

    async def save(self, request: Request, path: Path) -> Path:
        """Writes the answer into a file, which is complete or not there."""
        attempt = 0
        while True:
            delay: float | None
            try:
                return await self._save_once(request, path)
            except httpx.TransportError as silence:
                delay = self.retry.after_silence(attempt)
                if delay is None:
                    raise ConnectionFailed(f"{request.method} {request.path}: {silence or type(silence).__name__}") from silence
            except _Refused as refused:
                delay = self.retry.after_answer(attempt, refused.error, refused.headers)
                if delay is None:
                    raise refused.error from None
            await self.sleep(delay)
            attempt += 1

    async def pages(self, path: str, **query: Any) -> AsyncIterator[Json]:
        """Everything in a list, page by page as it is asked for."""
        query.setdefault("limit", PAGE)
        while True:
            page = await self.json(get(path, **query))
            for document in page["data"]:
                yield document
            if not page["has_more"]:
                return
            query["after"] = page["last_id"]

    async def events(
        self, request: Request, after: str | None = None, deadline: float | None = None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a stream, also over interruptions: it goes on behind the last one that came.

        It ends after `done`, with a 204 (nothing follows), or at `deadline`, a time of `time.monotonic`.
        """
        decoder = Decoder()
        decoder.last_id = after
        attempt = 0
        while True:
            delay: float | None
            headers = {**request.headers, "Accept": "text/event-stream"}
            if decoder.last_id is not None:
                headers["Last-Event-ID"] = decoder.last_id
            silence_s = HEARTBEATS_S if deadline is None else min(HEARTBEATS_S, max(0.1, deadline - time.monotonic()))
            try:
                async with self._http.stream(
                    "GET", request.path, params=request.query, headers=headers, timeout=silence_s
                ) as answer:
                    if answer.status_code == 204:
                        return
                    if not answer.is_success:
                        raise _Refused(problem_of(answer.status_code, await answer.aread()), answer.headers)
                    async for line in answer.aiter_lines():
                        event = decoder.feed(line)
                        if event is not None:
                            attempt = 0
                            yield event
                            if event.get("type") == "done":
                                return
                        if deadline is not None and time.monotonic() >= deadline:
                            return
                delay = self.retry.after_silence(attempt)
            except httpx.TransportError:
                delay = self.retry.after_silence(attempt)
            except _Refused as refused:
                delay = self.retry.after_answer(attempt, refused.error, refused.headers)
                if delay is None:
                    raise refused.error from None
            if delay is None:
                raise ConnectionFailed(f"the stream {request.path} was interrupted too often")
            if deadline is not None and time.monotonic() + delay >= deadline:
                return
            decoder.interrupted()
            await self.sleep(delay)
            attempt += 1

    async def _once(self, request: Request) -> httpx.Response:
        timeout = httpx.Timeout(self.timeout_s, read=self.timeout_s + request.patience_s)
        if request.parts:
            with ExitStack() as open_files:
                files = {name: open_files.enter_context(opener()) for name, opener in request.parts.items()}
                return await self._http.request(
                    request.method,
                    request.path,
                    params=request.query,
                    headers=request.headers,
                    files=files,
                    timeout=timeout,
                )
        if request.opener is None:
            return await self._http.request(
                request.method,
                request.path,
                params=request.query,
                headers=request.headers,
                content=request.content,
                timeout=timeout,
            )
        with request.opener() as file:
            headers = dict(request.headers)
            if file.seekable():
                start = file.tell()
                headers["Content-Length"] = str(file.seek(0, os.SEEK_END) - start)
                file.seek(start)
            return await self._http.request(
                request.method,
                request.path,
                params=request.query,
                headers=headers,
                content=_pieces(file),
                timeout=timeout,
            )

    async def _save_once(self, request: Request, path: Path) -> Path:
        async with self._http.stream(request.method, request.path, params=request.query, headers=request.headers) as answer:
            if not answer.is_success:
                raise _Refused(problem_of(answer.status_code, await answer.aread()), answer.headers)
            handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            try:
                with os.fdopen(handle, "wb") as file:
                    async for piece in answer.aiter_bytes():
                        file.write(piece)
                os.replace(partial, path)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(partial)
                raise
            return path


class _Refused(Exception):
    """Carries a refusal out of an open stream."""

    def __init__(self, error: ApiError, headers: httpx.Headers) -> None:
        super().__init__(error)
        self.error = error
        self.headers = headers


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while True:
        piece = await anyio.to_thread.run_sync(file.read, PIECE_BYTES)
        if not piece:
            return
        yield piece
