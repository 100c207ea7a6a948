"""The loss around the weights of a run, when it is there."""

from __future__ import annotations

from typing import Any

from . import _plot
from ._optional import need
from ._request import Json
from ._views import View


class LandscapeView(View):
    """A grid of losses in a plane through the weights, with the paths of the runs in it."""

    @property
    def name(self) -> str:
        """The kind of plane."""
        return str(self.raw["request"]["kind"])

    @property
    def run_id(self) -> str:
        """Whose weights are in the middle."""
        return str(self.raw["run_id"])

    @property
    def status(self) -> str:
        """queued, computing, ready or failed."""
        return str(self.raw["status"])

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to it."""
        return bool(self.raw["terminal"])

    @property
    def progress(self) -> float:
        """Which part is computed, from 0 to 1."""
        return float(self.raw["progress"])

    @property
    def surface(self) -> Json:
        """`x`, `y`, and `loss` with a row for each y; null where the loss is not finite."""
        surface: Json = self.raw["surface"]
        return surface

    @property
    def paths(self) -> list[Json]:
        """The path of each run: `run_id` and `points`."""
        paths: list[Json] = self.raw.get("paths") or []
        return paths

    @property
    def minima(self) -> list[Json]:
        """Where the runs ended: `run_id`, `x`, `y`, `loss`."""
        minima: list[Json] = self.raw.get("minima") or []
        return minima

    @property
    def barrier(self) -> Json | None:
        """Between two runs: its `height`, and the `profile` of the loss on the line."""
        barrier: Json | None = self.raw.get("barrier")
        return barrier

    def arrays(self) -> Any:
        """x, y and loss as numpy arrays; NaN where the loss is not finite."""
        numpy = need("numpy", "a landscape as arrays")
        return tuple(numpy.array(self.surface[name], dtype=float) for name in ("x", "y", "loss"))

    def to_frame(self) -> Any:
        """The grid as a DataFrame: a row for each y, a column for each x."""
        pandas = need("pandas", "a landscape as a DataFrame")
        x, y, loss = self.arrays()
        return pandas.DataFrame(loss, index=pandas.Index(y, name="y"), columns=pandas.Index(x, name="x"))

    def plot(self, axes: Any = None, levels: int = 25) -> Any:
        """Draws lines of equal loss with the paths of the runs in matplotlib, or a curve for a line; gives the axes."""
        return _plot.landscape(self.arrays(), self.raw, axes, levels)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} of run {self.run_id}, {self.status}>"
