# Made from ../_async/sweeps.py by tools/make_sync.py: change that file.
"""Sweeps: a search over hyperparameters, whose runs the server makes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from .. import _frames
from .. import _request as ask
from .._progress import Bar
from .._request import Json
from .._spec import sweep_of
from .._views import SweepView
from ..errors import WaitTimeout
from .run import Run
from .transport import Transport

LOOK_S = 2
"""At least this often the bar is brought up to date."""


class Sweep(SweepView):
    """A search over hyperparameters."""

    def __init__(self, http: Transport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    def refresh(self) -> Sweep:
        """Asks the server again."""
        self.raw = self._http.json(ask.get(self._path()))
        return self

    def wait(self, timeout_s: float | None = None, progress: bool | None = None) -> Sweep:
        """Waits until it is over, with one progress bar that shows the best value so far."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with Bar(self.progress["planned"], self.name, "run", progress) as bar:
            while not self.terminal:
                left = 30.0 if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"sweep {self.name} ({self.id}) is {self.status} after {timeout_s} s; it goes on")
                wait_s = max(1, min(LOOK_S if bar.shown else 30, int(left)))
                self.raw = self._http.json(ask.get(self._path(), patience_s=wait_s, wait_s=wait_s))
                self._show(bar)
            self._show(bar)
        return self

    def rows(self) -> list[Json]:
        """What came of each run; `results` makes a DataFrame of it."""
        return [row for row in self._http.pages(self._path("results"), order="asc")]

    def results(self) -> Any:
        """A DataFrame with a row for each run, in the order they were proposed in.

        `value` is the objective, and each hyperparameter has a column that is named by its JSON Pointer.
        """
        return _frames.results(self.rows())

    def runs(self) -> Iterator[Run]:
        """Its runs, which are runs like all others, oldest first."""
        for document in self._http.pages(ask.path("runs"), sweep=self.id, order="asc"):
            yield Run(self._http, document)

    def best_run(self) -> Run:
        """The best run so far."""
        if not self.terminal:
            self.refresh()
        run_id = (self.best or {}).get("run_id")
        if run_id is None:
            raise LookupError(f"sweep {self.name} ({self.id}) is {self.status} and has no best run")
        return Run(self._http, self._http.json(ask.get(ask.path("runs", run_id))))

    def stop(self, cancel: bool = False) -> Sweep:
        """No further runs; every result stays. Runs at work go on to their end, or are cancelled with `cancel`."""
        self.raw = self._http.json(ask.post(self._path("stop"), cancel=cancel or None))
        return self

    def change(
        self,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        budget: Mapping[str, Any] | None = None,
    ) -> Sweep:
        """Renames it, replaces its labels, or enlarges its budget: it goes on then."""
        wanted = {"name": name, "metadata": metadata, "budget": budget}
        change: dict[str, Any] = {member: value for member, value in wanted.items() if value is not None}
        self.raw = self._http.json(ask.patch(self._path(), change))
        return self

    def delete(self, runs: bool = False) -> None:
        """Deletes it, with `runs` its runs too; the models stay."""
        self._http.send(ask.delete(self._path(), runs=runs or None))

    def _path(self, *more: str) -> str:
        return ask.path("sweeps", self.id, *more)

    def _show(self, bar: Bar) -> None:
        notes = {} if self.best is None or self.best["value"] is None else {"best": f"{self.best['value']:.4g}"}
        bar.to(self.progress["finished"], self.progress["planned"], **notes)


class Sweeps:
    """All sweeps: `client.sweeps`."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def create(
        self,
        spec: Mapping[str, Any],
        space: Mapping[str, Mapping[str, Any]] | None = None,
        strategy: str | Mapping[str, Any] = "random",
        runs: int | None = None,
        budget: Mapping[str, Any] | None = None,
        objective: str | Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> Sweep:
        """Starts a search.

        `space` says by JSON Pointer into the spec what is tried: `{"/optimizer/learning_rate": log_uniform(1e-4, 1)}`. `strategy`
        is `grid`, `random`, `tpe`, `asha` or `seeds`, with options as a mapping. `runs` is short for a budget of so many runs;
        `budget` also knows `minutes` and `parallel`. `objective` is the name of a metric (by default `validation_loss`), or
        `{"metric": ..., "direction": ...}`. The rest (`name`, `seed`, `metadata`) goes to the server as it is.
        """
        document = sweep_of(spec, space, strategy, runs, budget, objective, rest)
        return Sweep(self._http, self._http.json(ask.create(ask.path("sweeps"), document)))

    def list(self) -> Iterator[Sweep]:
        """Sweeps, newest first, page by page as they are asked for."""
        for document in self._http.pages(ask.path("sweeps")):
            yield Sweep(self._http, document)

    def get(self, id: str) -> Sweep:
        """One by its id."""
        return Sweep(self._http, self._http.json(ask.get(ask.path("sweeps", id))))

    def wait(self, id: str, timeout_s: float | None = None, progress: bool | None = None) -> Sweep:
        """Waits for one by its id."""
        return (self.get(id)).wait(timeout_s, progress)

    def results(self, id: str) -> Any:
        """What came of one, by its id, as a DataFrame."""
        return (self.get(id)).results()

    def stop(self, id: str, cancel: bool = False) -> Sweep:
        """Stops one by its id."""
        return (self.get(id)).stop(cancel)
