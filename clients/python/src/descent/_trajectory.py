"""The path of a run's weights."""

from __future__ import annotations

from typing import Any

from . import _html, _plot
from ._optional import need
from ._request import Json


class Trajectory:
    """Points of a path, in the plane that shows most of it."""

    def __init__(self, document: Json) -> None:
        self.raw: Json = document
        """The whole answer."""

    @property
    def points(self) -> list[Json]:
        """One for each recorded step: `step`, `loss`, `gradient_norm`, `learning_rate`, `update_norm`, `x`, `y`."""
        points: list[Json] = self.raw["points"]
        return points

    @property
    def explained(self) -> list[float]:
        """Which part of the squared distances from the end lies along each of the two axes."""
        explained: list[float] = self.raw["plane"]["explained"]
        return explained

    def to_frame(self) -> Any:
        """One row for each point."""
        pandas = need("pandas", "a trajectory as a DataFrame")
        rows: list[dict[str, Any]] = [{name: value for name, value in one.items() if name != "weights"} for one in self.points]
        frame = pandas.DataFrame(rows)
        return frame.set_index("step") if rows else frame

    def plot(self, axes: Any = None) -> Any:
        """Draws it with matplotlib, coloured by the loss; gives the axes."""
        return _plot.trajectory(self.points, self.explained, axes)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of run {self.raw['run_id']}, {len(self.points)} points>"

    def _repr_html_(self) -> str:
        losses = [point["loss"] for point in self.points if point["loss"] is not None]
        facts = {"points": len(self.points), "parameters": self.raw.get("n_parameters")}
        return _html.card("Trajectory", str(self.raw["run_id"]), facts, _html.sparkline([("loss", losses)]))
