"""From what a notebook writes to the documents of the API."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

Spec = dict[str, Any]

IN_TRAINING = ("epochs", "batch_size", "seed")


def spec_of(spec: Mapping[str, Any] | None, members: Mapping[str, Any]) -> Spec:
    """One spec from a document and keyword arguments, which win.

    The keywords are the members of a spec (`name`, `dataset`, `task`, `network`, `loss`, `optimizer`, `training`, `resources`,
    `priority`, `metadata`), where a dataset may be the object, `task` may be its kind alone and `loss`, `optimizer` and
    `network` a kind alone; and four short forms: `target` (of the task), `epochs`, `batch_size` and `seed` (of the training).
    Nothing else is interpreted: the server knows what a spec is and names what it does not know.
    """
    result: Spec = copy.deepcopy(dict(spec)) if spec is not None else {}
    members = dict(members)
    target = members.pop("target", None)
    training = {name: members.pop(name) for name in IN_TRAINING if members.get(name) is not None}
    result.update({name: value for name, value in members.items() if value is not None})

    if hasattr(result.get("dataset"), "id"):
        result["dataset"] = result["dataset"].id
    for name in ("task", "loss", "optimizer", "network"):
        if isinstance(result.get(name), str):
            result[name] = {"kind": result[name]}
    if target is not None:
        result["task"] = {**result.get("task", {}), "target": target}
    if training:
        result["training"] = {**result.get("training", {}), **training}
    return result


def choice(*values: Any) -> dict[str, Any]:
    """One of these values, for the space of a sweep."""
    return {"kind": "choice", "values": list(values)}


def uniform(low: float, high: float) -> dict[str, Any]:
    """A number between these, for the space of a sweep."""
    return {"kind": "uniform", "low": low, "high": high}


def log_uniform(low: float, high: float) -> dict[str, Any]:
    """A number between these whose logarithm is uniform, for what is searched over orders of magnitude."""
    return {"kind": "log_uniform", "low": low, "high": high}


def integer(low: int, high: int, log: bool = False) -> dict[str, Any]:
    """A whole number between these, both included."""
    return {"kind": "integer", "low": low, "high": high, "log": log}


def sweep_of(
    spec: Mapping[str, Any],
    space: Mapping[str, Mapping[str, Any]] | None,
    strategy: str | Mapping[str, Any],
    runs: int | None,
    budget: Mapping[str, Any] | None,
    objective: str | Mapping[str, Any] | None,
    rest: Mapping[str, Any],
) -> dict[str, Any]:
    """The document of a sweep. An objective may be the name of a metric alone; the server knows which way is better."""
    document: dict[str, Any] = {
        "spec": spec_of(spec, {}),
        "space": {name: dict(one) for name, one in (space or {}).items()},
        "strategy": {"kind": strategy} if isinstance(strategy, str) else dict(strategy),
    }
    merged = dict(budget or {})
    if runs is not None:
        merged["runs"] = runs
    if merged:
        document["budget"] = merged
    if isinstance(objective, str):
        objective = {"metric": objective}
    if objective is not None:
        document["objective"] = dict(objective)
    document.update({name: value for name, value in rest.items() if value is not None})
    return document


def chunks(items: Sequence[Any], size: int) -> Sequence[Sequence[Any]]:
    """The items in portions of at most that size."""
    return [items[start : start + size] for start in range(0, len(items), size)]
