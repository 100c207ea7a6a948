"""What the API says in lists of objects, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._optional import need

NONFINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def points(series: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    """Steps and values of one series, with the values that JSON cannot say put back."""
    values = [float("nan") if value is None else value for value in series["values"]]
    for gap in series.get("nonfinite") or ():
        values[gap["idx"]] = NONFINITE[gap["value"]]
    return series["steps"], values


def metrics(series: Sequence[Mapping[str, Any]]) -> Any:
    """One row for each step at which something was measured, one column for each metric."""
    pandas = need("pandas", "metrics as a DataFrame")
    columns = {}
    for one in series:
        steps, values = points(one)
        columns[one["name"]] = pandas.Series(values, index=steps, dtype="float64")
    frame = pandas.DataFrame(columns)
    frame.index = frame.index.astype("int64")
    frame.index.name = "step"
    return frame.sort_index()


def runs(documents: Sequence[Mapping[str, Any]], every: bool = False) -> Any:
    """One row for each run: what it is, the parts of its spec that differ between the runs, and what came of it.

    A part of the spec is named by its JSON Pointer, as in the space of a sweep. With `every` all parts are columns.
    """
    pandas = need("pandas", "runs as a DataFrame")
    specs = [dict(leaves(one.get("resolved_spec") or one["spec"])) for one in documents]
    names = list(dict.fromkeys(name for spec in specs for name in spec))
    if not every:
        names = [name for name in names if name not in ("/name", "/dataset") and _differs(specs, name)]
    rows = []
    for one, spec in zip(documents, specs):
        reason = one.get("status_reason") or {}
        model = one.get("model") or {}
        row = {
            "name": one["name"],
            "status": one["status"],
            "reason": reason.get("code"),
            "dataset": one["dataset"]["id"],
        }
        row.update({name: spec.get(name) for name in names})
        row.update(scores(one))
        row["epochs"] = one["progress"]["epoch"]
        row["running_ms"] = one["timings"]["running_ms"]
        row["model"], row["version"] = model.get("name"), model.get("version")
        row["created_at"], row["finished_at"] = one["created_at"], one.get("finished_at")
        rows.append(row)
    frame = pandas.DataFrame(rows, index=pandas.Index([one["id"] for one in documents], name="run_id"))
    for name in ("created_at", "finished_at"):
        if name in frame:
            frame[name] = pandas.to_datetime(frame[name], utc=True)
    return frame


def results(rows: Sequence[Mapping[str, Any]]) -> Any:
    """One row for each run of a sweep, by its number: its value, and a column for each hyperparameter, named by its pointer."""
    pandas = need("pandas", "results as a DataFrame")
    flat = [{**{name: value for name, value in row.items() if name != "parameters"}, **row["parameters"]} for row in rows]
    frame = pandas.DataFrame(flat)
    return frame.set_index("number") if flat else frame


def scores(run: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of the result, or of the last epoch while there is none."""
    result = run.get("result") or {}
    return dict(result.get("metrics") or run.get("metrics") or {})


def leaves(document: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in a document that is not itself a document, by JSON Pointer (RFC 6901)."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from leaves(value, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(document, list):
        for idx, value in enumerate(document):
            yield from leaves(value, f"{pointer}/{idx}")
    else:
        yield pointer, document


def _differs(specs: Sequence[Mapping[str, Any]], name: str) -> bool:
    first = specs[0].get(name)
    return any(spec.get(name) != first for spec in specs)
