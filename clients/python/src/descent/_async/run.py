"""One training."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from .. import _frames, _plot
from .. import _request as ask
from .._follow import noted
from .._progress import Bar
from .._request import Json
from .._trajectory import Trajectory
from .._views import RunView
from ..errors import RateLimited, RunFailed, WaitTimeout
from .landscape import AsyncLandscape
from .models import AsyncModel
from .transport import AsyncTransport

POLL_S = 30
"""A server answers at once when the run is over; until then it is asked this often."""


class AsyncRun(RunView):
    """One training. What it knows is as of the last answer; `refresh` asks again."""

    def __init__(self, http: AsyncTransport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    async def refresh(self) -> AsyncRun:
        """Asks the server again."""
        self.raw = await self._http.json(ask.get(self._path()))
        self._curves = None
        return self

    async def wait(self, timeout_s: float | None = None, progress: bool | None = None, check: bool = True) -> AsyncRun:
        """Waits until it is over, with a progress bar where somebody can see it.

        Raises `RunFailed` when it failed (not with `check=False`) and `WaitTimeout` when it takes longer than `timeout_s`; it
        goes on in that case. A cancelled run is over like any other.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with Bar(self.progress["epochs"], self.name, "epoch", progress) as bar:
            if bar.shown and not self.terminal:
                await self._watch(bar, deadline)
            while not self.terminal:
                left = POLL_S if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"run {self.name} ({self.id}) is {self.status} after {timeout_s} s; it goes on")
                wait_s = max(1, min(POLL_S, int(left)))
                self.raw = await self._http.json(ask.get(self._path(), patience_s=wait_s, wait_s=wait_s))
            bar.to(self.progress["epoch"], self.progress["epochs"], status=self.status)
        self._curves = None
        if check and self.status == "failed":
            raise RunFailed(self.id, self.name, self.reason)
        return self

    def events(self, after: int = 0, deadline: float | None = None) -> AsyncGenerator[dict[str, Any], None]:
        """Its events as they happen, from the first one on or behind number `after`, until it is over or until the deadline.

        The deadline is a time of `time.monotonic`. Interrupted connections are taken up where they broke.
        """
        return self._http.events(ask.get(self._path("events")), str(after) if after else None, deadline)

    async def logs(self) -> list[Json]:
        """What its training said."""
        return [line async for line in self._http.pages(self._path("logs"))]

    async def series(self, names: Sequence[str] | None = None, max_points: int = 1000) -> list[Json]:
        """Its metrics as lists; `metrics` makes a DataFrame of them."""
        request = ask.get(self._path("metrics"), names=names, max_points=max_points)
        document = await self._http.json(request)
        series: list[Json] = document["series"]
        self._remember(series)
        return series

    async def metrics(self, names: Sequence[str] | None = None, max_points: int = 1000) -> Any:
        """Its metrics as a DataFrame: a row for each step at which something was measured, a column for each metric.

        `loss` is the loss of every step; names with `train_`, `validation_` and `test_` are measured at the end of an epoch.
        A series of more than `max_points` is thinned: a value is then the mean of its bucket.
        """
        return _frames.metrics(await self.series(names, max_points))

    async def plot(self, names: Sequence[str] | None = None, axes: Any = None) -> Any:
        """Draws its metrics with matplotlib, by default the losses and the accuracies or errors; gives the axes."""
        return _plot.metrics(await self.series(names), self.name, names, axes)

    async def diagnoses(self) -> list[Json]:
        """What went wrong, in plain words, with a remedy whose `spec_patch` can be given to `fork`."""
        document = await self._http.json(ask.get(self._path("diagnoses")))
        data: list[Json] = document["data"]
        return data

    async def checkpoints(self) -> list[Json]:
        """States it can be forked from, newest first."""
        document = await self._http.json(ask.get(self._path("checkpoints")))
        data: list[Json] = document["data"]
        return data

    async def trajectory(self, weights: bool = False) -> Trajectory:
        """The path of its weights, as points of the plane that shows most of it; also while it trains."""
        return Trajectory(await self._http.json(ask.get(self._path("trajectory"), weights=weights or None)))

    async def landscape(
        self,
        kind: str = "plane",
        resolution: int = 51,
        other: Any = None,
        progress: bool | None = None,
        timeout_s: float | None = None,
        **options: Any,
    ) -> AsyncLandscape:
        """The loss around its weights, computed by the server; the same request again is answered at once.

        `kind` is `plane` (of its path), `random`, `gradient` (a line), or `between` (a line) and `shared` with an `other` run.
        Further options (`samples`, `range`, `seed`, `step`) go to the server as they are.
        """
        request = {"kind": kind, "resolution": resolution, **options}
        if other is not None:
            request["other"] = getattr(other, "id", other)
        document = await self._http.json(ask.post(self._path("landscape"), request))
        return await AsyncLandscape(self._http, document).wait(timeout_s, progress)

    async def landscapes(self) -> list[AsyncLandscape]:
        """The landscapes that were asked for, newest first; `wait` brings their surfaces."""
        return [AsyncLandscape(self._http, document) async for document in self._http.pages(self._path("landscapes"))]

    async def cancel(self) -> AsyncRun:
        """Ends it; what it has learned so far is kept in its checkpoints."""
        return await self._act("cancel")

    async def pause(self) -> AsyncRun:
        """Lets it rest at a checkpoint until `resume`."""
        return await self._act("pause")

    async def resume(self) -> AsyncRun:
        """Goes on where `pause` stopped it, to the same bits."""
        return await self._act("resume")

    async def retry(self) -> AsyncRun:
        """A new run with the same spec."""
        return await self._child("retry")

    async def reproduce(self) -> AsyncRun:
        """A new run with the same resolved spec, data and seed: it ends in the same weights, bit for bit."""
        return await self._child("reproduce")

    async def fork(
        self, patch: Mapping[str, Any] | None = None, checkpoint: str | None = None, step: int | None = None
    ) -> AsyncRun:
        """A new run that starts from a checkpoint (`latest`, `best`, `scratch`, or by `step`) with a changed spec.

        By default that is the latest; a run that diverged has ruined its weights, so its forks begin with fresh ones.

        `patch` is a JSON merge patch on the spec, such as the `spec_patch` of a diagnosis.
        """
        document: dict[str, Any] = {"spec_patch": dict(patch or {})}
        if step is not None:
            document["step"] = step
        elif checkpoint is not None:
            document["checkpoint"] = checkpoint
        return await self._child("fork", document)

    async def change(
        self,
        name: str | None = None,
        metadata: Mapping[str, str] | None = None,
        priority: int | None = None,
    ) -> AsyncRun:
        """Renames it, replaces its labels, or moves it in the queue."""
        wanted = {"name": name, "metadata": None if metadata is None else dict(metadata), "priority": priority}
        change = {member: value for member, value in wanted.items() if value is not None}
        self.raw = await self._http.json(ask.patch(self._path(), change))
        return self

    async def delete(self) -> None:
        """Deletes its record. A model that came of it stays."""
        await self._http.send(ask.delete(self._path()))

    async def model(self) -> AsyncModel:
        """The version of a model that came of it."""
        if self.model_name is None:
            await self.refresh()
        if self.model_name is None:
            raise LookupError(f"run {self.name} ({self.id}) is {self.status} and has no model")
        document = await self._http.json(ask.get(ask.path("models", self.model_name, "versions", self.raw["model"]["version"])))
        return AsyncModel(self._http, document)

    def _path(self, *more: str) -> str:
        return ask.path("runs", self.id, *more)

    async def _act(self, action: str) -> AsyncRun:
        self.raw = await self._http.json(ask.post(self._path(action)))
        return self

    async def _child(self, action: str, document: Json | None = None) -> AsyncRun:
        return AsyncRun(self._http, await self._http.json(ask.create(self._path(action), document)))

    async def _watch(self, bar: Bar, deadline: float | None) -> None:
        """Keeps the bar up to date until the stream ends or the time is over; then asks how it stands."""
        epoch = 0
        events = self.events(deadline=deadline)
        try:
            async for event in events:
                epoch = event.get("epoch", epoch)
                bar.to(epoch, **noted(event))
        except RateLimited:
            # As many streams are open as one token may have; the end of the run can be waited for without one.
            pass
        finally:
            await events.aclose()
        await self.refresh()
