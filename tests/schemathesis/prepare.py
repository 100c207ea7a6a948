"""Fills a fresh server with one of everything, and writes the ids for schemathesis: one file per kind in $DESCENT_IDS.

Things that may be deleted stand in files of their own, so that a DELETE does not take away what the other requests need.
"""

import json
import os
import pathlib
import urllib.error
import urllib.request

URL = os.environ["DESCENT_URL"]
IDS = pathlib.Path(os.environ["DESCENT_IDS"])
ROOT = pathlib.Path(__file__).resolve().parents[2]
EXPENDABLE = 40


def ask(method, path, document=None, body=None, kind="application/json"):
    data = body if document is None else json.dumps(document).encode()
    request = urllib.request.Request(URL + path, data=data, method=method)
    request.add_header("Authorization", "Bearer " + os.environ["DESCENT_TOKEN"])
    if data is not None:
        request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode()}") from refused
    return json.loads(text) if text else None


def upload(name):
    csv = (ROOT / "examples" / "iris.csv").read_bytes()
    return ask("POST", f"/v1/datasets?name={name}", body=csv, kind="text/csv")["id"]


def submit(dataset, name, **more):
    return ask("POST", "/v1/runs", {
        "name": name,
        "dataset": dataset,
        "task": {"kind": "classification", "target": "target"},
        "training": {"epochs": 3, **more},
    })["id"]


def train(dataset, name):
    run = submit(dataset, name)
    status = ask("GET", f"/v1/runs/{run}?wait_s=30")["status"]
    assert status == "succeeded", f"run {run} is {status}"
    return run


def sweep(dataset, name, runs):
    made = ask("POST", "/v1/sweeps", {
        "name": name,
        "spec": {"dataset": dataset, "task": {"kind": "classification", "target": "target"}, "training": {"epochs": 3}},
        "strategy": {"kind": "seeds"},
        "budget": {"runs": runs},
    })["id"]
    status = ask("GET", f"/v1/sweeps/{made}?wait_s=30")["status"]
    assert status == "completed", f"sweep {made} is {status}"
    return made


def main():
    IDS.mkdir()
    dataset = upload("flowers")
    runs = [train(dataset, "flower") for _ in range(3)]
    ask("PUT", "/v1/models/flower/aliases/live", {"version": 1})
    old_runs, old_models, old_aliases, old_tokens = [], [], [], []
    for i in range(EXPENDABLE):
        old_runs.append(train(dataset, f"old-{i}"))
        old_models.append(f"old-{i}")
        old_aliases.append(f"old-{i}")
        ask("PUT", f"/v1/models/flower/aliases/old-{i}", {"version": 2})
        old_tokens.append(ask("POST", "/v1/tokens", {"name": f"old-{i}", "scopes": ["runs:read"]})["id"])
    sweeps = [sweep(dataset, "search", 3) for _ in range(2)]
    old_sweeps = [sweep(dataset, f"old-search-{i}", 1) for i in range(EXPENDABLE)]
    # Long runs, for what can only be done to a run in work; and one that never gets its turn.
    slow = [submit(dataset, f"slow-{i}", epochs=100_000) for i in range(4)]
    kinds = {
        "datasets": [dataset],
        "old_datasets": [upload(f"old-{i}") for i in range(EXPENDABLE)],
        "runs": runs + slow,
        "old_runs": old_runs,
        "sweeps": sweeps,
        "old_sweeps": old_sweeps,
        "models": ["flower", "flower@live", "flower@1"],
        "names": ["flower"],
        "old_models": old_models,
        "aliases": ["live"],
        "old_aliases": old_aliases,
        "tokens": [old_tokens[0]],
        "old_tokens": old_tokens[1:],
        "families": [family["name"] for family in ask("GET", "/v1/families")["data"]],
    }
    for kind, ids in kinds.items():
        # The form of libFuzzer's dictionaries.
        (IDS / kind).write_text("".join(f'"{one}"\n' for one in ids))


main()
