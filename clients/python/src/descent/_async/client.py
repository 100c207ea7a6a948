"""The client."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

from .. import _request as ask
from .._request import Json
from .._retry import Retry
from .._settings import settings
from .datasets import AsyncDatasets
from .models import AsyncModels
from .runs import AsyncRuns
from .sweeps import AsyncSweeps
from .transport import AsyncTransport


class AsyncClient:
    """A Descent server, seen from a notebook or a program.

    Address and token are taken from DESCENT_URL (default `http://127.0.0.1:8080`) and DESCENT_TOKEN where they are not given.
    Requests that meet an overloaded or restarting server are repeated as `retry` says, without doing anything twice.
    `transport` is for tests.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retry: Retry | None = None,
        timeout_s: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url, secret = settings(url, token)
        self._http = AsyncTransport(self.url, secret, retry or Retry(), timeout_s, transport)
        self.datasets = AsyncDatasets(self._http)
        """Upload, list, look at, delete."""
        self.runs = AsyncRuns(self._http)
        """Submit, list, wait, read back."""
        self.models = AsyncModels(self._http)
        """What came of the runs: predict, export."""
        self.sweeps = AsyncSweeps(self._http)
        """Searches over hyperparameters."""

    async def limits(self) -> dict[str, Any]:
        """Every limit of the server by `section.name`."""
        document = await self._http.json(ask.get(ask.path("limits")))
        return {f"{one['section']}.{one['name']}": one["value"] for one in document["limits"]}

    async def queue(self) -> Json:
        """What waits, in which order and why."""
        return await self._http.json(ask.get(ask.path("queue")))

    async def usage(self) -> Json:
        """What is used of the quotas."""
        return await self._http.json(ask.get(ask.path("usage")))

    async def schema(self, family: str = "classification") -> Json:
        """The JSON Schema of a spec with every default, range and explanation."""
        return await self._http.json(ask.get(ask.path("families", family, "schema"), accept="*/*"))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __deepcopy__(self, memo: Any) -> AsyncClient:
        # Connections are shared, not copied; scikit-learn copies the parameters of an estimator.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # A file or another process learns the address and no secret: the token comes from the environment there.
        return (type(self), (self.url,))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"
