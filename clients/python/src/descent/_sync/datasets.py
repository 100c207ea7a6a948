# Made from ../_async/datasets.py by tools/make_sync.py: change that file.
"""Datasets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import _request as ask
from .._optional import need
from .._request import Json
from .._upload import Source, upload_request
from .._views import DatasetView, is_id
from .transport import Transport


class Dataset(DatasetView):
    """An uploaded table, or arrays."""

    def __init__(self, http: Transport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    def refresh(self) -> Dataset:
        """Asks the server again."""
        self.raw = self._http.json(ask.get(ask.path("datasets", self.id)))
        return self

    def profile(self) -> Json:
        """What each column is and why, with missing values, ranges, histograms, and cells that do not fit."""
        return self._http.json(ask.get(ask.path("datasets", self.id, "profile")))

    def rows(self, offset: int = 0, limit: int = 20) -> list[list[Any]]:
        """Rows as they stand in the file, at most 1,000 at once."""
        page = self._http.json(ask.get(ask.path("datasets", self.id, "rows"), offset=offset, limit=limit))
        data: list[list[Any]] = page["data"]
        return data

    def head(self, n_rows: int = 5) -> Any:
        """The first rows as a DataFrame, cells as they stand in the file."""
        pandas = need("pandas", "rows as a DataFrame")
        return pandas.DataFrame(self.rows(limit=n_rows), columns=list(self.columns))

    def change(self, name: str | None = None, columns: Mapping[str, str] | None = None) -> Dataset:
        """Renames it, or corrects kinds of columns that were found out wrong; refused if somebody else changed it meanwhile."""
        answer = self._http.send(ask.get(ask.path("datasets", self.id)))
        change: dict[str, Any] = {}
        if name is not None:
            change["name"] = name
        if columns is not None:
            change["columns"] = dict(columns)
        self.raw = self._http.json(ask.patch(ask.path("datasets", self.id), change, answer.headers.get("ETag")))
        return self

    def download(self, path: str | os.PathLike[str]) -> Path:
        """Writes the uploaded bytes into a file."""
        return self._http.save(ask.get(ask.path("datasets", self.id, "content"), accept="*/*"), Path(path))

    def delete(self) -> None:
        """Deletes it. Refused while runs refer to it."""
        self._http.send(ask.delete(ask.path("datasets", self.id)))


class Datasets:
    """All datasets: `client.datasets`."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def upload(self, source: Source, name: str | None = None, layout: str | None = None) -> Dataset:
        """Uploads a file (CSV, TSV, IDX, NPY, NPZ, ZIP of pictures; plain or gzip), bytes, a DataFrame, or parts of arrays.

        A file is sent in pieces and never held whole. The parts of arrays are `images`, `labels`, `test_images` and so on, each a
        path or bytes. `layout` says what the dimensions of arrays mean: `channels_last` (default) or `channels_first`.
        """
        request = upload_request(source, name, layout)
        return Dataset(self._http, self._http.json(request))

    def list(self, name: str | None = None) -> Iterator[Dataset]:
        """Datasets, newest first, page by page as they are asked for."""
        for document in self._http.pages(ask.path("datasets"), name=name):
            yield Dataset(self._http, document)

    def get(self, id: str) -> Dataset:
        """One by its id, or the newest of that name."""
        if not is_id(id):
            for dataset in self.list(name=id):
                return dataset
        return Dataset(self._http, self._http.json(ask.get(ask.path("datasets", id))))

    def delete(self, id: str) -> None:
        """Deletes one by its id."""
        self._http.send(ask.delete(ask.path("datasets", id)))
