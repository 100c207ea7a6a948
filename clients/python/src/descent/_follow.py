"""What waiting knows about many runs at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from ._views import RunView

TERMINAL = ("succeeded", "failed", "cancelled")
R = TypeVar("R", bound=RunView)


class Pending(Generic[R]):
    """Runs that are not over yet. Ids sort by time, so that a list from the oldest of them on tells about all of them."""

    def __init__(self, runs: Iterable[R]) -> None:
        self._runs: dict[str, list[R]] = {}
        for run in runs:
            if not run.terminal:
                self._runs.setdefault(run.id, []).append(run)
        self._order = sorted(self._runs)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def cursor(self) -> str:
        """The id just before the oldest one: lists begin behind their cursor."""
        return str(uuid.UUID(int=uuid.UUID(self._order[0]).int - 1))

    @property
    def last(self) -> str:
        """The newest one: behind it a list says nothing more."""
        return self._order[-1]

    @property
    def watched(self) -> str:
        """The run whose end is waited for next: a good part of the others will be over with it."""
        return self._order[len(self._order) // 8]

    def absorb(self, document: Mapping[str, Any]) -> bool:
        """Takes the newest state of a run; true when it is one of ours and has come to its end."""
        runs = self._runs.get(document["id"])
        if runs is None:
            return False
        for run in runs:
            run.raw = dict(document)
        if not document["terminal"]:
            return False
        del self._runs[document["id"]]
        self._order.remove(document["id"])
        return True


def noted(event: Mapping[str, Any]) -> dict[str, str]:
    """What of an event stands behind a progress bar."""
    if event["type"] == "state":
        return {"status": event["status"]}
    if event["type"] != "metric":
        return {}
    last = {one["name"]: one["values"][-1] for one in event["series"] if one["name"] in ("loss", "validation_loss")}
    return {name: f"{value:.4g}" for name, value in last.items() if value is not None}
