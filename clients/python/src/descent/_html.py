"""How things look in a notebook: small tables and curves, no scripts, everything escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

COLOURS = {"succeeded": "#1a7f37", "failed": "#cf222e", "cancelled": "#6e7781", "running": "#0969da"}


def card(kind: str, title: str, facts: Mapping[str, Any], *more: str) -> str:
    """A heading, facts in two columns, and whatever follows."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{value}</td></tr>"
        for name, value in ((name, text(value)) for name, value in facts.items())
        if value
    )
    return f"<div><b>{escape(kind)}</b> {escape(title)}<table>{rows}</table>{''.join(more)}</div>"


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table with a row of names."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{text(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def status(name: str) -> Raw:
    """A status in its colour."""
    return Raw(f"<span style='color:{COLOURS.get(name, '#9a6700')}'>{escape(name)}</span>")


class Raw(str):
    """Markup that is already safe."""

    __slots__ = ()


def text(value: Any) -> str:
    """A value for people, escaped."""
    if isinstance(value, Raw):
        return value
    if value is None:
        return ""
    if isinstance(value, float):
        return escape(f"{value:.5g}")
    return escape(str(value))


def sparkline(curves: Sequence[tuple[str, Sequence[float]]], width: int = 240, height: int = 48) -> Raw:
    """Curves over their steps, all on one scale. The scale is logarithmic when every value is positive: losses are."""
    finite = [value for _, values in curves for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return Raw("")
    scale = math.log if min(finite) > 0 else float
    low, high = scale(min(finite)), scale(max(finite))
    lines: list[str] = []
    for (name, values), colour in zip(curves, ("#0969da", "#bc4c00")):
        places = []
        for idx, value in enumerate(values):
            if math.isfinite(value):
                x = width * idx / max(1, len(values) - 1)
                y = height - 2 - (height - 4) * (scale(value) - low) / ((high - low) or 1.0)
                places.append(f"{x:.1f},{y:.1f}")
        title = f"<title>{escape(name)}</title>"
        lines.append(f"<polyline fill='none' stroke='{colour}' points='{' '.join(places)}'>{title}</polyline>")
    return Raw(f"<svg width='{width}' height='{height}' viewBox='0 0 {width} {height}'>{''.join(lines)}</svg>")


def best(scores: Mapping[str, Any]) -> Mapping[str, Any]:
    """The few numbers that people ask for first."""
    wanted = [
        "test_accuracy",
        "test_r2",
        "test_loss",
        "validation_accuracy",
        "validation_r2",
        "validation_loss",
        "train_loss",
    ]
    return {name: scores[name] for name in wanted if scores.get(name) is not None}
