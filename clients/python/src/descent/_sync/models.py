# Made from ../_async/models.py by tools/make_sync.py: change that file.
"""Models: what came of the runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import _request as ask
from .. import _rows
from .._request import Json, Request
from .._rows import Prediction
from .._views import ModelView
from .transport import Transport


class Model(ModelView):
    """A version of a model."""

    def __init__(self, http: Transport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    def refresh(self) -> Model:
        """Asks the server again about this version."""
        self.raw = self._http.json(ask.get(self._path()))
        return self

    def predict(self, rows: Any, explain: bool = False) -> Any:
        """Predicts raw rows, as they stand in the training file; what is missing or unknown is allowed and noted.

        A DataFrame gives a DataFrame with the same index: `label` and `probability_<class>`, or a column for each target. A list
        of rows (by name, in the order of the file, arrays) gives a list of `Prediction`.
        """
        predictions: list[Prediction] = []
        for body in _rows.portions(rows):
            request = Request("POST", self._path("predict"), headers={"Content-Type": ask.JSON}, content=body)
            if explain:
                request.query.append(("explain", "true"))
            document = json.loads((self._http.send(request)).content)
            predictions += [Prediction.of(one) for one in document["predictions"]]
        return _rows.frame(predictions, rows.index) if _rows.is_frame(rows) else predictions

    def export(self, format: str, path: str | os.PathLike[str]) -> Path:
        """Writes it into a file: `onnx`, `safetensors` or `json`. A folder gets a file that is named after the model."""
        file = Path(path)
        if file.is_dir():
            file = file / f"{self.name.replace(os.sep, '_')}-{self.version}.{format}"
        where = ask.path("models", f"{self.name}@{self.version}", "export")
        return self._http.save(ask.get(where, accept="*/*", format=format), file)

    def set_alias(self, alias: str) -> Model:
        """Lets this alias point to this version from now on: `models.get("name@alias")`."""
        self._http.json(ask.put(ask.path("models", self.name, "aliases", alias), {"version": self.version}))
        return self.refresh()

    def delete(self) -> None:
        """Deletes this version."""
        self._http.send(ask.delete(self._path()))

    def _path(self, *more: str) -> str:
        return ask.path("models", self.name, "versions", self.version, *more)


class Models:
    """All models: `client.models`."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list(self) -> Iterator[Model]:
        """The newest version of each model."""
        for document in self._http.pages(ask.path("models")):
            yield Model(self._http, document)

    def get(self, name: str) -> Model:
        """The newest version of `name`, the third of `name@3`, or the one that `name@alias` points to."""
        return Model(self._http, self._http.json(ask.get(ask.path("models", name))))

    def versions(self, name: str) -> Iterator[Model]:
        """All versions of a model, newest first."""
        for document in self._http.pages(ask.path("models", name, "versions")):
            yield Model(self._http, document)

    def aliases(self, name: str) -> dict[str, int]:
        """The version that each alias points to."""
        document = self._http.json(ask.get(ask.path("models", name, "aliases")))
        return {one["alias"]: one["version"] for one in document["data"]}

    def delete(self, name: str) -> None:
        """Deletes a model with all its versions."""
        self._http.send(ask.delete(ask.path("models", name)))
