"""Datasets."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from .. import _request as ask
from .._optional import need
from .._request import Json
from .._upload import Source, upload_request
from .._views import DatasetView, is_id
from .transport import AsyncTransport


class AsyncDataset(DatasetView):
    """An uploaded table, or arrays."""

    def __init__(self, http: AsyncTransport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    async def refresh(self) -> AsyncDataset:
        """Asks the server again."""
        self.raw = await self._http.json(ask.get(ask.path("datasets", self.id)))
        return self

    async def profile(self) -> Json:
        """What each column is and why, with missing values, ranges, histograms, and cells that do not fit."""
        return await self._http.json(ask.get(ask.path("datasets", self.id, "profile")))

    async def rows(self, offset: int = 0, limit: int = 20) -> list[list[Any]]:
        """Rows as they stand in the file, at most 1,000 at once."""
        page = await self._http.json(ask.get(ask.path("datasets", self.id, "rows"), offset=offset, limit=limit))
        data: list[list[Any]] = page["data"]
        return data

    async def head(self, n_rows: int = 5) -> Any:
        """The first rows as a DataFrame, cells as they stand in the file."""
        pandas = need("pandas", "rows as a DataFrame")
        return pandas.DataFrame(await self.rows(limit=n_rows), columns=list(self.columns))

    async def change(self, name: str | None = None, columns: Mapping[str, str] | None = None) -> AsyncDataset:
        """Renames it, or corrects kinds of columns that were found out wrong; refused if somebody else changed it meanwhile."""
        answer = await self._http.send(ask.get(ask.path("datasets", self.id)))
        change: dict[str, Any] = {}
        if name is not None:
            change["name"] = name
        if columns is not None:
            change["columns"] = dict(columns)
        self.raw = await self._http.json(ask.patch(ask.path("datasets", self.id), change, answer.headers.get("ETag")))
        return self

    async def download(self, path: str | os.PathLike[str]) -> Path:
        """Writes the uploaded bytes into a file."""
        return await self._http.save(ask.get(ask.path("datasets", self.id, "content"), accept="*/*"), Path(path))

    async def delete(self) -> None:
        """Deletes it. Refused while runs refer to it."""
        await self._http.send(ask.delete(ask.path("datasets", self.id)))


class AsyncDatasets:
    """All datasets: `client.datasets`."""

    def __init__(self, http: AsyncTransport) -> None:
        self._http = http

    async def upload(self, source: Source, name: str | None = None, layout: str | None = None) -> AsyncDataset:
        """Uploads a file (CSV, TSV, IDX, NPY, NPZ, ZIP of pictures; plain or gzip), bytes, a DataFrame, or parts of arrays.

        A file is sent in pieces and never held whole. The parts of arrays are `images`, `labels`, `test_images` and so on, each a
        path or bytes. `layout` says what the dimensions of arrays mean: `channels_last` (default) or `channels_first`.
        """
        request = upload_request(source, name, layout)
        return AsyncDataset(self._http, await self._http.json(request))

    async def list(self, name: str | None = None) -> AsyncIterator[AsyncDataset]:
        """Datasets, newest first, page by page as they are asked for."""
        async for document in self._http.pages(ask.path("datasets"), name=name):
            yield AsyncDataset(self._http, document)

    async def get(self, id: str) -> AsyncDataset:
        """One by its id, or the newest of that name."""
        if not is_id(id):
            async for dataset in self.list(name=id):
                return dataset
        return AsyncDataset(self._http, await self._http.json(ask.get(ask.path("datasets", id))))

    async def delete(self, id: str) -> None:
        """Deletes one by its id."""
        await self._http.send(ask.delete(ask.path("datasets", id)))
