"""Runs: submitting, listing, waiting for many at once."""

from __future__ import annotations

import builtins
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from .. import _frames, _html
from .. import _request as ask
from .._follow import TERMINAL, Pending
from .._progress import Bar
from .._spec import chunks, spec_of
from ..errors import ApiError, RunFailed, WaitTimeout, api_error
from .run import AsyncRun
from .transport import PAGE, AsyncTransport

BATCH = 1000
"""Specs of one request, as many as a server takes."""
LOOK_S = 2
"""At least this often a bar for many runs is brought up to date."""


class AsyncRunList(list[AsyncRun]):
    """Several runs: a list that can be waited for and read as a table."""

    def __init__(self, runs: AsyncRuns, items: Iterable[AsyncRun] = (), refused: dict[int, ApiError] | None = None) -> None:
        super().__init__(items)
        self._runs = runs
        self.refused: dict[int, ApiError] = refused or {}
        """Specs that were refused, by their place among those that were submitted."""

    async def wait(self, timeout_s: float | None = None, progress: bool | None = None, check: bool = False) -> AsyncRunList:
        """Waits until all are over, with one progress bar; see `wait_all`."""
        await self._runs.wait_all(self, timeout_s, progress, check)
        return self

    def to_frame(self, every: bool = False) -> Any:
        """One row for each run, as they stood when last asked; see `AsyncRuns.to_frame`."""
        return self._runs.to_frame(self, every)

    def _repr_html_(self) -> str:
        rows = [
            (run.name, _html.status(run.status), run.progress["epoch"], _html.text(dict(_html.best(run.scores))))
            for run in self[:20]
        ]
        more = f"<p>and {len(self) - 20} more</p>" if len(self) > 20 else ""
        return _html.card("Runs", str(len(self)), {}, _html.table(["name", "status", "epoch", "metrics"], rows), more)


class AsyncRuns:
    """All runs: `client.runs`."""

    def __init__(self, http: AsyncTransport) -> None:
        self._http = http

    async def submit(self, spec: Mapping[str, Any] | None = None, /, **members: Any) -> AsyncRun:
        """Queues a run: a spec, or its members as keyword arguments, or both.

        `submit(dataset="penguins", task="classification", target="species", epochs=50)` is enough; everything else has a default
        that depends on the data. `target`, `epochs`, `batch_size` and `seed` are short forms.
        """
        return AsyncRun(self._http, await self._http.json(ask.create(ask.path("runs"), spec_of(spec, members))))

    async def plan(self, spec: Mapping[str, Any] | None = None, /, **members: Any) -> dict[str, Any]:
        """What it would become and cost, without running it: resolved spec, parameters, memory, time, place in the queue."""
        return await self._http.json(ask.post(ask.path("runs"), spec_of(spec, members), dry_run=True))

    async def submit_many(self, specs: Iterable[Mapping[str, Any]], partial: bool = False) -> AsyncRunList:
        """Queues many runs, up to 1,000 in one request.

        If one spec is wrong, none of its request is queued and `InvalidRequest` names all mistakes. With `partial` the good
        ones are queued and the others are in `refused`.
        """
        wanted = [spec_of(spec, {}) for spec in specs]
        result = AsyncRunList(self)
        mode = "per_item" if partial else "all_or_nothing"
        for start, portion in zip(range(0, len(wanted), BATCH), chunks(wanted, BATCH)):
            document = await self._http.json(ask.create(ask.path("runs:batch"), {"runs": portion, "mode": mode}))
            for one in document["data"]:
                if one["status"] == "created":
                    result.append(AsyncRun(self._http, one["run"]))
                else:
                    result.refused[start + one["index"]] = api_error(one["problem"]["status"], one["problem"])
        return result

    async def list(
        self,
        status: str | Sequence[str] | None = None,
        dataset: str | None = None,
        family: str | None = None,
        sweep: str | None = None,
        metadata: Mapping[str, str] | None = None,
        order: str | None = None,
    ) -> AsyncIterator[AsyncRun]:
        """Runs, newest first (`order="asc"`: oldest first), page by page as they are asked for."""
        query = {
            "status": status,
            "dataset": dataset,
            "family": family,
            "sweep": sweep,
            "metadata": metadata,
            "order": order,
        }
        async for document in self._http.pages(ask.path("runs"), **query):
            yield AsyncRun(self._http, document)

    async def get(self, id: str) -> AsyncRun:
        """One by its id."""
        return AsyncRun(self._http, await self._http.json(ask.get(ask.path("runs", id))))

    async def delete(self, id: str) -> None:
        """Deletes the record of one by its id."""
        await self._http.send(ask.delete(ask.path("runs", id)))

    async def wait_all(
        self,
        runs: Iterable[AsyncRun],
        timeout_s: float | None = None,
        progress: bool | None = None,
        check: bool = False,
    ) -> builtins.list[AsyncRun]:
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
                async for document in self._ended(pending.cursor):
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
                    document = await self._http.json(ask.get(where, patience_s=wait_s, wait_s=wait_s))
                    if pending.absorb(document):
                        failed += document["status"] == "failed"
                    bar.to(total - len(pending), failed=failed)
        if check:
            for run in runs:
                if run.status == "failed":
                    raise RunFailed(run.id, run.name, run.reason)
        return runs

    def to_frame(self, runs: Iterable[AsyncRun], every: bool = False) -> Any:
        """One row for each run as it stood when last asked: parts of the spec that differ (with `every` all), metrics, times."""
        return _frames.runs([run.raw for run in runs], every)

    def _ended(self, after: str) -> AsyncIterator[dict[str, Any]]:
        return self._http.pages(ask.path("runs"), status=TERMINAL, order="asc", after=after)
