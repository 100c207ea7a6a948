"""Pictures with matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import _frames
from ._optional import need

GROUPS = ("loss", "accuracy", "r2", "rmse", "mae", "hit_rate")
"""What is drawn when nothing is asked for: each of these that was measured, in axes of its own, at most two."""


def _axes(axes: Any, n: int = 1) -> list[Any]:
    if axes is not None:
        return [axes]
    pyplot = need("matplotlib.pyplot", "a picture")
    _, made = pyplot.subplots(1, n, figsize=(5.5 * n, 4), squeeze=False, layout="constrained")
    return list(made[0])


def metrics(series: Sequence[dict[str, Any]], title: str, names: Sequence[str] | None, axes: Any) -> Any:
    """Metrics over steps: the given ones in one picture, else the losses and the first other group that was measured."""
    curves = {one["name"]: _frames.points(one) for one in series}
    groups = [list(curves)] if names is not None or axes is not None else _groups(curves)
    made = _axes(axes, len(groups))
    for one, group in zip(made, groups):
        for name in group:
            steps, values = curves[name]
            one.plot(
                steps,
                values,
                label=name,
                alpha=0.4 if name == "loss" else 1.0,
                linewidth=1.0 if name == "loss" else 1.8,
            )
        one.set_xlabel("step")
        one.set_title(title)
        if any(name.endswith("loss") for name in group) and all(v > 0 for name in group for v in curves[name][1]):
            one.set_yscale("log")
        if group:
            one.legend()
    return made[0] if len(made) == 1 else made


def trajectory(points: Sequence[dict[str, Any]], explained: Sequence[float], axes: Any) -> Any:
    """The path in its plane; the colour is the loss."""
    (one,) = _axes(axes)
    xs, ys = [point["x"] for point in points], [point["y"] for point in points]
    one.plot(xs, ys, color="0.7", linewidth=1)
    drawn = one.scatter(xs, ys, c=[_number(point["loss"]) for point in points], s=12, zorder=2)
    one.figure.colorbar(drawn, ax=one, label="loss")
    one.set_xlabel(f"first direction ({explained[0]:.0%} of the path)")
    one.set_ylabel(f"second direction ({explained[1]:.0%} of the path)")
    return one


def landscape(grid: Any, document: Mapping[str, Any], axes: Any, levels: int) -> Any:
    """Lines of equal loss on a logarithmic scale, with the paths in white and the ends as stars; a curve where it is a line."""
    numpy = need("numpy", "a picture of a landscape")
    (one,) = _axes(axes)
    x, y, loss = grid
    shown = numpy.ma.masked_invalid(loss)
    positive = bool((shown > 0).all())
    labels = document.get("axes") or ("x", "y")
    one.set_xlabel(labels[0])
    if len(y) == 1:
        one.plot(x, shown[0])
        one.set_ylabel("loss")
        if positive:
            one.set_yscale("log")
        for end in document.get("minima") or ():
            one.plot(end["x"], _number(end["loss"]), marker="*", color="red", markersize=12)
        return one
    one.set_ylabel(labels[1])
    drawn = one.contourf(x, y, numpy.ma.log10(shown) if positive else shown, levels=levels, cmap="viridis")
    one.figure.colorbar(drawn, ax=one, label="log10 of the loss" if positive else "loss")
    for path in document.get("paths") or ():
        points = path["points"]
        one.plot([point["x"] for point in points], [point["y"] for point in points], color="white", linewidth=1.5)
    for end in document.get("minima") or ():
        one.plot(end["x"], end["y"], marker="*", color="red", markersize=12)
    one.set_xlim(float(x[0]), float(x[-1]))
    one.set_ylim(float(y[0]), float(y[-1]))
    return one


def _groups(curves: dict[str, Any]) -> list[list[str]]:
    groups = []
    for what in GROUPS:
        group = [name for name in curves if name == what or (name.endswith("_" + what) and not name.endswith("balanced_" + what))]
        if group:
            groups.append(group)
    return groups[:2] or [list(curves)]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
