"""Models: what came of the runs."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from .. import _request as ask
from .. import _rows
from .._request import Json, Request
from .._rows import Prediction
from .._views import ModelView
from .transport import AsyncTransport


class AsyncModel(ModelView):
    """A version of a model."""

    def __init__(self, http: AsyncTransport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    async def refresh(self) -> AsyncModel:
        """Asks the server again about this version."""
        self.raw = await self._http.json(ask.get(self._path()))
        return self

    async def predict(self, rows: Any, explain: bool = False) -> Any:
        """Predicts raw rows, as they stand in the training file; what is missing or unknown is allowed and noted.

        A DataFrame gives a DataFrame with the same index: `label` and `probability_<class>`, or a column for each target. A list
        of rows (by name, in the order of the file, arrays) gives a list of `Prediction`.
        """
        predictions: list[Prediction] = []
        for body in _rows.portions(rows):
            request = Request("POST", self._path("predict"), headers={"Content-Type": ask.JSON}, content=body)
            if explain:
                request.query.append(("explain", "true"))
            document = json.loads((await self._http.send(request)).content)
            predictions += [Prediction.of(one) for one in document["predictions"]]
        return _rows.frame(predictions, rows.index) if _rows.is_frame(rows) else predictions

    async def export(self, format: str, path: str | os.PathLike[str]) -> Path:
        """Writes it into a file: `onnx`, `safetensors` or `json`. A folder gets a file that is named after the model."""
        file = Path(path)
        if file.is_dir():
            file = file / f"{self.name.replace(os.sep, '_')}-{self.version}.{format}"
        where = ask.path("models", f"{self.name}@{self.version}", "export")
        return await self._http.save(ask.get(where, accept="*/*", format=format), file)

    async def set_alias(self, alias: str) -> AsyncModel:
        """Lets this alias point to this version from now on: `models.get("name@alias")`."""
        await self._http.json(ask.put(ask.path("models", self.name, "aliases", alias), {"version": self.version}))
        return await self.refresh()

    async def delete(self) -> None:
        """Deletes this version."""
        await self._http.send(ask.delete(self._path()))

    def _path(self, *more: str) -> str:
        return ask.path("models", self.name, "versions", self.version, *more)


class AsyncModels:
    """All models: `client.models`."""

    def __init__(self, http: AsyncTransport) -> None:
        self._http = http

    async def list(self) -> AsyncIterator[AsyncModel]:
        """The newest version of each model."""
        async for document in self._http.pages(ask.path("models")):
            yield AsyncModel(self._http, document)

    async def get(self, name: str) -> AsyncModel:
        """The newest version of `name`, the third of `name@3`, or the one that `name@alias` points to."""
        return AsyncModel(self._http, await self._http.json(ask.get(ask.path("models", name))))

    async def versions(self, name: str) -> AsyncIterator[AsyncModel]:
        """All versions of a model, newest first."""
        async for document in self._http.pages(ask.path("models", name, "versions")):
            yield AsyncModel(self._http, document)

    async def aliases(self, name: str) -> dict[str, int]:
        """The version that each alias points to."""
        document = await self._http.json(ask.get(ask.path("models", name, "aliases")))
        return {one["alias"]: one["version"] for one in document["data"]}

    async def delete(self, name: str) -> None:
        """Deletes a model with all its versions."""
        await self._http.send(ask.delete(ask.path("models", name)))
