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

FIRST_S = 0.05
LAST_S = 1.0


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
        pause_s = FIRST_S
        with Bar(100, "landscape", "%", progress) as bar:
            while self.status not in ("ready", "failed"):
                if deadline is not None and time.monotonic() >= deadline:
                    raise WaitTimeout(f"landscape {self.id} is {self.status} after {timeout_s} s; it goes on")
                self._http.sleep(pause_s)
                pause_s = min(LAST_S, 1.5 * pause_s)
                self.refresh()
                bar.to(round(100 * self.share))
            if self.status == "ready" and self.raw.get("surface") is None:
                # The answer to the request does not carry the surface.
                self.refresh()
            bar.to(100)
        if self.status == "failed":
            raise DescentError(f"landscape {self.id} failed: {self.raw.get('status_reason')}")
        return self
