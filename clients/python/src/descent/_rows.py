"""Rows to predict, on their way to the server; predictions, on their way back."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from ._optional import need
from ._request import to_json

Row = Union[Mapping[str, Any], Sequence[Any], str]
"""By column name, in the order of the file, or a picture as `data:` URL."""

PORTION_BYTES = 2 << 20
"""One request holds about as much, a quarter of what a server takes by default: its answer is larger than the rows."""
PORTION_ROWS = 10_000


@dataclass(frozen=True)
class Prediction:
    """What a model says about one row."""

    label: str | None = None
    """The most probable class."""
    probabilities: dict[str, float | None] = field(default_factory=dict)
    """Probability of each class."""
    values: dict[str, float | None] = field(default_factory=dict)
    """Value of each target of a regression."""
    notes: list[dict[str, str]] = field(default_factory=list)
    """What was noticed about the row: `missing_imputed`, `unknown_category`."""
    explanation: list[dict[str, Any]] = field(default_factory=list)
    """Contribution of each column, when it was asked for."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Prediction:
        """Reads a member of `predictions`."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if document.get(name) is not None}
        return cls(**known)


def is_frame(rows: Any) -> bool:
    """Whether this is a pandas DataFrame, without importing pandas."""
    return hasattr(rows, "columns") and hasattr(rows, "iloc")


def portions(rows: Any) -> Iterator[bytes]:
    """The bodies of the requests that together predict all rows, in order. No rows are one request, so that they are checked."""
    rendered: list[bytes] = []
    size = 0
    for row_idx, row in enumerate(_plain_rows(rows)):
        try:
            text = to_json(row)
        except ValueError as infinite:
            raise ValueError(
                f"row {row_idx} has a value that is infinite; only missing and finite values can be sent"
            ) from infinite
        if rendered and (size + len(text) > PORTION_BYTES or len(rendered) == PORTION_ROWS):
            yield _body(rendered)
            rendered, size = [], 0
        rendered.append(text)
        size += len(text) + 1
    yield _body(rendered)


def frame(predictions: list[Prediction], index: Any) -> Any:
    """A DataFrame: `label` and `probability_<class>`, or a column for each target."""
    pandas = need("pandas", "a DataFrame of predictions")
    records = []
    for one in predictions:
        record: dict[str, Any] = dict(one.values)
        if not one.values:
            record["label"] = one.label
        record.update({f"probability_{label}": value for label, value in one.probabilities.items()})
        records.append(record)
    return pandas.DataFrame(records, index=index)


def _body(rendered: list[bytes]) -> bytes:
    return b'{"rows":[' + b",".join(rendered) + b"]}"


def _plain_rows(rows: Any) -> Iterator[Any]:
    if is_frame(rows):
        names = [str(name) for name in rows.columns]
        for row in rows.itertuples(index=False, name=None):
            yield {name: _cell(value) for name, value in zip(names, row)}
    elif isinstance(rows, (str, bytes, Mapping)):
        raise TypeError("rows are a list of rows or a DataFrame; put a single row into a list: [row]")
    else:
        for row in rows.tolist() if hasattr(rows, "tolist") else rows:
            yield _cells(row)


def _cells(row: Any) -> Any:
    if isinstance(row, Mapping):
        return {str(name): _cell(value) for name, value in row.items()}
    if hasattr(row, "tolist"):
        row = row.tolist()
    if isinstance(row, (list, tuple)):
        return [_cells(value) if isinstance(value, (list, tuple)) else _cell(value) for value in row]
    return _cell(row)


def _cell(value: Any) -> Any:
    """A missing value is null, whichever of the many ways it is written in: None, NaN, pandas.NA, NaT."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        plain = value.tolist()
        return _cell(plain) if not isinstance(plain, list) else _cells(plain)
    return value
