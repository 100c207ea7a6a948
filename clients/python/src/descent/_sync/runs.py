# Made from ../_async/runs.py by tools/make_sync.py: change that file.
"""Runs: submitting, listing, waiting for many at once."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .. import _frames, _html
from .. import _request as ask
from .._follow import TERMINAL, Pending
from .._progress import Bar
from .._spec import chunks, spec_of
from ..errors import ApiError, RunFailed, WaitTimeout, api_error
from .run import Run
from .transport import PAGE, Transport

BATCH = 1000
"""Specs of one request, as many as a server takes."""
LOOK_S = 2
"""At least this often a bar for many runs is brought up to date."""


class RunList(list[Run]):
    """Several runs: a list that can be waited for and read as a table."""

    def __init__(self, runs: Runs, items: Iterable[Run] = (), refused: dict[int, ApiError] | None = None) -> None:
        super().__init__(items)
        self._runs = runs
        self.refused: dict[int, ApiError] = refused or {}
        """Specs that were refused, by their place among those that were submitted."""

    def wait(self, timeout_s: float | None = None, progress: bool | None = None, check: bool = False) -> RunList:
        """Waits until all are over, with one progress bar; see `wait_all`."""
        self._runs.wait_all(self, timeout_s, progress, check)
        return self

    def to_frame(self, every: bool = False) -> Any:
        """One row for each run, as they stood when last asked; see `Runs.to_frame`."""
        return self._runs.to_frame(self, every)

    def _repr_html_(self) -> str:
        rows = [
            (run.name, _html.status(run.status), run.progress["epoch"], _html.text(dict(_html.best(run.scores))))
            for run in self[:20]
        ]
        more = f"<p>and {len(self) - 20} more</p>" if len(self) > 20 else ""
        return _html.card("Runs", str(len(self)), {}, _html.table(["name", "status", "epoch", "metrics"], rows), more)


class Runs:
    """All runs: `client.runs`."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def submit(self, spec: Mapping[str, Any] | None = None, /, **members: Any) -> Run:
        """Queues a run: a spec, or its members as keyword arguments, or both.

        `submit(dataset="penguins", task="classification", target="species", epochs=50)` is enough; everything else has a default
        that depends on the data. `target`, `epochs`, `batch_size` and `seed` are short forms.
        """
        return Run(self._http, self._http.json(ask.create(ask.path("runs"), spec_of(spec, members))))

    def plan(self, spec: Mapping[str, Any] | None = None, /, **members: Any) -> dict[str, Any]:
        """What it would become and cost, without running it: resolved spec, parameters, memory, time, place in the queue."""
        return self._http.json(ask.post(ask.path("runs"), spec_of(spec, members), dry_run=True))

    def submit_many(self, specs: Iterable[Mapping[str, Any]], partial: bool = False) -> RunList:
        """Queues many runs, up to 1,000 in one request.

        If one spec is wrong, none of its request is queued and `InvalidRequest` names all mistakes. With `partial` the good
        ones are queued and the others are in `refused`.
        """
        wanted = [spec_of(spec, {}) for spec in specs]
        result = RunList(self)
        mode = "per_item" if partial else "all_or_nothing"
        for start, portion in zip(range(0, len(wanted), BATCH), chunks(wanted, BATCH)):
            document = self._http.json(ask.create(ask.path("runs:batch"), {"runs": portion, "mode": mode}))
            for one in document["data"]:
                if one["status"] == "created":
                    result.append(Run(self._http, one["run"]))
                else:
                    result.refused[start + one["index"]] = api_error(one["problem"]["status"], one["problem"])
        return result

    def list(
        self,
        status: str | Sequence[str] | None = None,
        dataset: str | None = None,
        family: str | None = None,
        sweep: str | None = None,
        metadata: Mapping[str, str] | None = None,
        order: str | None = None,
    ) -> Iterator[Run]:
        """Runs, newest first (`order="asc"`: oldest first), page by page as they are asked for."""
        query = {
            "status": status,
            "dataset": dataset,
            "family": family,
            "sweep": sweep,
            "metadata": metadata,
            "order": order,
        }
        for document in self._http.pages(ask.path("runs"), **query):
            yield Run(self._http, document)

    def get(self, id: str) -> Run:
        """One by its id."""
        return Run(self._http, self._http.json(ask.get(ask.path("runs", id))))

    def delete(self, id: str) -> None:
        """Deletes the record of one by its id."""
        self._http.send(ask.delete(ask.path("runs", id)))

    def wait_all(
        self,
        runs: Iterable[Run],
        timeout_s: float | None = None,
        progress: bool | None = None,
        check: bool = False,
    ) -> builtins.list[Run]:
        """Waits until all are over, with one progress bar and few requests; the runs know their results afterwards.

        With `check` a `RunFailed` is raised for the first that failed, when all are over.
        """
        runs = [*runs]
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pending = Pending(runs)
        failed = sum(run.status == "failed" for run in runs)
        total = len({run.id for run in runs})
        with Bar(total, "runs", "run", progress) as bar:
            bar.to(total - len(pending))
            while len(pending) > 0:
                seen = 0
                for document in self._ended(pending.cursor):
                    seen += 1
                    if pending.absorb(document):
                        failed += document["status"] == "failed"
                    if len(pending) == 0 or document["id"] >= pending.last:
                        break
                bar.to(total - len(pending), failed=failed)
                if len(pending) > 0:
                    wait_s = LOOK_S + seen // PAGE
                    if deadline is not None:
                        left = deadline - time.monotonic()
                        if left <= 0:
                            raise WaitTimeout(f"{len(pending)} of {total} runs are not over after {timeout_s} s; they go on")
                        wait_s = max(1, min(wait_s, int(left)))
                    where = ask.path("runs", pending.watched)
                    document = self._http.json(ask.get(where, patience_s=wait_s, wait_s=wait_s))
                    if pending.absorb(document):
                        failed += document["status"] == "failed"
                    bar.to(total - len(pending), failed=failed)
        if check:
            for run in runs:
                if run.status == "failed":
                    raise RunFailed(run.id, run.name, run.reason)
        return runs

    def to_frame(self, runs: Iterable[Run], every: bool = False) -> Any:
        """One row for each run as it stood when last asked: parts of the spec that differ (with `every` all), metrics, times."""
        return _frames.runs([run.raw for run in runs], every)

    def _ended(self, after: str) -> Iterator[dict[str, Any]]:
        return self._http.pages(ask.path("runs"), status=TERMINAL, order="asc", after=after)
