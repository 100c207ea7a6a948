"""The running server that run.sh started, as its users see it: uploads, runs, predictions, exports over HTTP."""

import io
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

URL = os.environ["DESCENT_URL"]
TOKEN = os.environ["DESCENT_TOKEN"]


def request(method, path, body=None, kind=None, accept=None):
    """Answers (status, headers, bytes)."""
    call = urllib.request.Request(URL + path, data=body, method=method)
    call.add_header("Authorization", "Bearer " + TOKEN)
    if kind:
        call.add_header("Content-Type", kind)
    if accept:
        call.add_header("Accept", accept)
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


def ask(method, path, document=None):
    body = None if document is None else json.dumps(document).encode()
    status, _, text = request(method, path, body, "application/json" if body else None)
    assert status < 300, f"{method} {path}: {status} {text.decode()}"
    return json.loads(text) if text else None


def upload(name, body, kind, query=""):
    path = f"/v1/datasets?name={urllib.parse.quote(name)}{query}"
    status, _, text = request("POST", path, body, kind)
    assert status == 201, f"{name}: {status} {text.decode()}"
    return json.loads(text)["id"]


def upload_arrays(name, samples, labels, layout="channels_last"):
    packed = io.BytesIO()
    np.savez(packed, images=samples, labels=labels)
    return upload(name, packed.getvalue(), "application/octet-stream", f"&layout={layout}")


def submit(spec):
    return ask("POST", "/v1/runs", spec)["id"]


def is_accepted(spec):
    """Whether the spec fits its dataset; nothing is queued."""
    status, _, text = request("POST", "/v1/runs?dry_run=true", json.dumps(spec).encode(), "application/json")
    assert status in (200, 422), f"{status} {text.decode()}"
    return status == 200


def finished(run):
    """Waits until the run has ended; it must have succeeded."""
    while True:
        shown = ask("GET", f"/v1/runs/{run}?wait_s=30")
        if shown["terminal"]:
            assert shown["status"] == "succeeded", json.dumps(shown["status_reason"])
            return shown


def predict(model, rows):
    return ask("POST", f"/v1/models/{model}/predict", {"rows": rows})["predictions"]


def export(model, form):
    status, headers, body = request("GET", f"/v1/models/{model}/export?format={form}")
    assert status == 200, f"{model} as {form}: {status} {body.decode(errors='replace')}"
    return headers, body
