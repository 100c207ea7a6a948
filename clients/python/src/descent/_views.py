"""What is known about a thing without asking: the last answer of the server, with names for what matters in it."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import _frames, _html
from ._request import Json

Curves = list[tuple[str, list[float]]]

SHOWN = ("loss", "train_loss", "validation_loss")
"""Metrics of the curve in a notebook; the per-step loss only where no epoch is over."""
SHOWN_POINTS = 120


class View:
    """A document of the API."""

    def __init__(self, document: Json) -> None:
        self.raw: Json = document
        """The whole answer, for what has no name here."""

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.raw["id"])

    @property
    def name(self) -> str:
        """Its name, for people."""
        return str(self.raw["name"])

    @property
    def created_at(self) -> datetime:
        """When it came to be."""
        return moment(self.raw["created_at"])

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, View) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.id}>"

    def _identity(self) -> tuple[Any, ...]:
        return (self.id,)


class DatasetView(View):
    """An uploaded table, or arrays."""

    @property
    def n_rows(self) -> int:
        """Rows without the header."""
        return int(self.raw["n_rows"])

    @property
    def columns(self) -> dict[str, str]:
        """Kind of each column: numeric, integer, categorical, boolean, timestamp, text or array."""
        return {one["name"]: one["kind"] for one in self.raw["columns"]}

    @property
    def sha256(self) -> str:
        """SHA-256 of the uploaded bytes."""
        return str(self.raw["sha256"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.n_rows} rows, {len(self.columns)} columns, {self.id}>"

    def _repr_html_(self) -> str:
        facts = {
            "id": self.id,
            "rows": self.n_rows,
            "bytes": self.raw["size_bytes"],
            "uploaded": self.raw["created_at"],
        }
        return _html.card("Dataset", self.name, facts, _html.table(list(self.columns), [list(self.columns.values())]))


class RunView(View):
    """One training."""

    def __init__(self, document: Json) -> None:
        super().__init__(document)
        self._curves: Curves | None = None

    @property
    def status(self) -> str:
        """Where it is in its life, such as `running`, when the server was last asked."""
        return str(self.raw["status"])

    @property
    def terminal(self) -> bool:
        """Whether nothing can follow."""
        return bool(self.raw["terminal"])

    @property
    def reason(self) -> Mapping[str, Any] | None:
        """Why it is where it is: `code` and `message`."""
        reason: Mapping[str, Any] | None = self.raw.get("status_reason")
        return reason

    @property
    def spec(self) -> Json:
        """The spec with every default filled in; as it was asked for until the data was read."""
        spec: Json = self.raw.get("resolved_spec") or self.raw["spec"]
        return spec

    @property
    def scores(self) -> dict[str, float]:
        """Metrics of the result; of the last epoch while there is none."""
        return _frames.scores(self.raw)

    @property
    def progress(self) -> Json:
        """Epochs and steps, done and in all."""
        progress: Json = self.raw["progress"]
        return progress

    @property
    def model_name(self) -> str | None:
        """Name of the model that came of it."""
        model = self.raw.get("model")
        return None if model is None else str(model["name"])

    @property
    def model_version(self) -> int | None:
        """Version of the model that came of it."""
        model = self.raw.get("model")
        return None if model is None else int(model["version"])

    def __repr__(self) -> str:
        progress = self.progress
        return (
            f"<{type(self).__name__} {self.name!r} {self.status}, epoch {progress['epoch']} of {progress['epochs']}, {self.id}>"
        )

    def _repr_html_(self) -> str:
        facts: dict[str, Any] = {
            "id": self.id,
            "status": _html.status(self.status),
            "why": None if self.reason is None else self.reason.get("message"),
            "epoch": f"{self.progress['epoch']} of {self.progress['epochs']}",
            "model": None if self.model_name is None else f"{self.model_name} version {self.model_version}",
            **_html.best(self.scores),
        }
        return _html.card("Run", self.name, facts, _html.sparkline(self._known_curves() or []))

    def _known_curves(self) -> Curves | None:
        """The curves that were seen; the sync twin reads them now. A representation cannot await."""
        series = getattr(self, "series", None)
        if self._curves is None and series is not None and not inspect.iscoroutinefunction(series):
            series(SHOWN, SHOWN_POINTS)
        return self._curves

    def _remember(self, series: list[Json]) -> None:
        curves = {one["name"]: _frames.points(one)[1] for one in series if one["name"] in SHOWN}
        epochs = [(name, curves[name]) for name in SHOWN[1:] if len(curves.get(name, ())) > 1]
        if epochs or "loss" in curves:
            self._curves = epochs or [("loss", curves["loss"])]


class ModelView(View):
    """A version of a model."""

    @property
    def id(self) -> str:
        """SHA-256 of its weights: they are what a model is."""
        return self.sha256

    @property
    def version(self) -> int:
        """From 1."""
        return int(self.raw["version"])

    @property
    def sha256(self) -> str:
        """SHA-256 of its weights."""
        return str(self.raw["sha256"])

    @property
    def scores(self) -> dict[str, float]:
        """Metrics of the run that made it."""
        return dict(self.raw["metrics"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} version {self.version}>"

    def _repr_html_(self) -> str:
        facts = {
            "version": self.version,
            "aliases": ", ".join(self.raw["aliases"]),
            "weights": self.sha256[:12],
            "bytes": self.raw["size_bytes"],
            **_html.best(self.scores),
        }
        return _html.card("Model", self.name, facts)

    def _identity(self) -> tuple[Any, ...]:
        return (self.name, self.version, self.sha256)


class SweepView(View):
    """A search over hyperparameters."""

    @property
    def status(self) -> str:
        """Where it is in its life, when the server was last asked."""
        return str(self.raw["status"])

    @property
    def terminal(self) -> bool:
        """Whether nothing follows, unless it is enlarged."""
        return bool(self.raw["terminal"])

    @property
    def progress(self) -> Json:
        """Runs: planned, submitted, running, finished."""
        progress: Json = self.raw["progress"]
        return progress

    @property
    def best(self) -> Json | None:
        """The best run so far: `run_id`, `value`, `parameters`."""
        best: Json | None = self.raw.get("best")
        return best

    @property
    def importance(self) -> dict[str, float]:
        """How much of the difference between the runs each hyperparameter explains, the most important first."""
        found = {one["parameter"]: one["importance"] for one in self.raw.get("importance") or ()}
        return dict(sorted(found.items(), key=lambda one: -(one[1] or 0.0)))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.status}, {self._share()}, {self.id}>"

    def _repr_html_(self) -> str:
        best = self.best or {}
        facts: dict[str, Any] = {
            "id": self.id,
            "status": _html.status(self.status),
            "strategy": self.raw["strategy"].get("kind"),
            "runs": self._share(),
            "best": best.get("value"),
            "best run": best.get("run_id"),
        }
        parameters = best.get("parameters") or {}
        rows = [(name, parameters.get(name), self.importance.get(name)) for name in self.raw["space"]]
        return _html.card("Sweep", self.name, facts, _html.table(["hyperparameter", "best", "importance"], rows))

    def _share(self) -> str:
        return f"{self.progress['finished']} of {self.progress['planned']} runs finished"


def moment(text: str) -> datetime:
    """A time of the API. `fromisoformat` of Python 3.9 does not know the Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def is_id(text: str) -> bool:
    """Whether it can be an id, so that it is no name."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
