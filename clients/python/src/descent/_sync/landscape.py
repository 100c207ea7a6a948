# Made from ../_async/landscape.py by tools/make_sync.py: change that file.
"""A landscape while it is computed."""

from __future__ import annotations

import time

from .. import _request as ask
from .._landscape import LandscapeView
from .._progress import Bar
from .._request import Json
from ..errors import DescentError, WaitTimeout
from .transport import Transport

LOOK_S = 1
"""At least this often the bar is brought up to date."""


class Landscape(LandscapeView):
    """The loss around the weights of a run."""

    def __init__(self, http: Transport, document: Json) -> None:
        super().__init__(document)
        self._http = http

    def refresh(self) -> Landscape:
        """Asks the server again."""
        self.raw = self._http.json(ask.get(ask.path("runs", self.run_id, "landscape"), id=self.id))
        return self

    def wait(self, timeout_s: float | None = None, progress: bool | None = None) -> Landscape:
        """Waits until it is computed. Raises `DescentError` when it could not be."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        where = ask.path("runs", self.run_id, "landscape")
        with Bar(100, "landscape", "%", progress) as bar:
            while not self.terminal:
                left = 30.0 if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(f"landscape {self.id} is {self.status} after {timeout_s} s; it goes on")
                wait_s = max(1, min(LOOK_S if bar.shown else 30, int(left)))
                self.raw = self._http.json(ask.get(where, patience_s=wait_s, id=self.id, wait_s=wait_s))
                bar.to(round(100 * self.progress))
            if self.status == "ready" and self.raw["surface"] is None:
                # It comes from a list, which leaves the surface out.
                self.refresh()
            bar.to(round(100 * self.progress))
        if self.status == "failed":
            raise DescentError(f"landscape {self.id} failed: {self.raw['reason']}")
        return self
