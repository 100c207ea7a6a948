"""Trains a model of every kind, exports it as ONNX, and lets onnxruntime answer raw rows: its answers are the server's.

A kind of layer or function that is in no model makes this fail: what there is stands in the server's own JSON Schema.
"""

import calendar
import json
import sys
import time

import numpy as np
import onnx
import onnxruntime

import cases
import server

TOLERANCE = 1e-5
TRAINING = {"epochs": 2, "batch_size": 32, "seed": 3}


def kinds_in(value):
    """Every `kind`, and every activation, in a spec."""
    if isinstance(value, dict):
        if isinstance(value.get("kind"), str):
            yield value["kind"]
        for name in ("activation", "function"):
            if isinstance(value.get(name), str):
                yield "function " + value[name]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from kinds_in(item)


def kinds_there_are():
    """Kinds of layers and functions, from the schemas that the server publishes."""
    found = set()
    for family in server.ask("GET", "/v1/families")["data"]:
        schema = server.ask("GET", family["schema"])["$defs"]
        for layer in schema.get("Layer", {}).get("oneOf", []):
            found.add(layer["properties"]["kind"]["const"])
        for function in schema.get("Function", {}).get("oneOf", []):
            found.add("function " + function["const"])
    assert len(found) > 20, f"only {found} were read from the schemas"
    return found


def seconds(text):
    """A date of the training file as a graph wants it."""
    if text is None:
        return np.nan
    form = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d"
    return float(calendar.timegm(time.strptime(text, form)))


def fed(session, model, rows):
    """Raw rows as the inputs of the graph."""
    inputs = session.get_inputs()
    columns = json.loads(model["columns"])
    if [value.name for value in inputs] == ["features"]:
        if not isinstance(rows[0], dict):
            return {"features": np.array(rows, np.float32)}
        matrix = [[np.nan if row[name] is None else row[name] for name in columns] for row in rows]
        return {"features": np.array(matrix, np.float32)}
    assert [value.name for value in inputs] == columns
    feed = {}
    for value in inputs:
        cells = [row[value.name] for row in rows]
        if value.type == "tensor(string)":
            feed[value.name] = np.array(["" if cell is None else cell for cell in cells], object)
        elif value.type == "tensor(double)":
            feed[value.name] = np.array([seconds(cell) for cell in cells])
        else:
            feed[value.name] = np.array([np.nan if cell is None else float(cell) for cell in cells], np.float32)
    return feed


def expected(predictions, model):
    """The server's answers as arrays."""
    if "classes" not in model:
        names = json.loads(model.get("targets") or model["dimensions"])
        return {"values": np.array([[answer["values"][name] for name in names] for answer in predictions], np.float32)}
    names = json.loads(model["classes"])
    return {
        "label": [answer["label"] for answer in predictions],
        "probabilities": np.array([[answer["probabilities"][name] for name in names] for answer in predictions], np.float32),
    }


def facts(file, run):
    """What the file says of itself, which must be true."""
    said = {entry.key: entry.value for entry in file.metadata_props}
    shown = server.ask("GET", f"/v1/runs/{run}")
    assert said["run_id"] == run and said["dataset_sha256"] == shown["dataset"]["sha256"]
    assert said["weights_sha256"] == shown["model"]["sha256"]
    assert file.ir_version == 8 and file.producer_name == "descent" and file.doc_string
    assert {domain.domain: domain.version for domain in file.opset_import} == {"": 17, "ai.onnx.ml": 3}
    assert all(value.type.tensor_type.shape.dim[0].dim_param == "N" for value in file.graph.input)
    return said


def largest_difference(name, run, rows):
    headers, exported = server.export(name, "onnx")
    assert headers["Content-Disposition"].endswith('.onnx"'), headers["Content-Disposition"]
    file = onnx.load_from_string(exported)
    onnx.checker.check_model(file, full_check=True)
    said = facts(file, run)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    outputs = [value.name for value in session.get_outputs()]
    worst = 0.0
    # All rows at once, one alone, and none; onnxruntime's recurrent operators end the process where there is none.
    recurrent = {"LSTM", "GRU", "RNN"} & {node.op_type for node in file.graph.node}
    for some in (rows, rows[-1:]) if recurrent else (rows, rows[-1:], rows[:0]):
        feed = fed(session, said, rows)
        feed = {key: value[len(rows) - len(some):] for key, value in feed.items()}
        answers = dict(zip(outputs, session.run(None, feed)))
        wanted = expected(server.predict(name, some), said) if some else {}
        for key, value in wanted.items():
            # A column may have the name of an output, which then has a longer one.
            answer = answers[next(output for output in outputs if output.endswith(key))]
            if key == "label":
                assert list(answer) == value, f"{name}: {list(answer)} where the server says {value}"
                continue
            assert answer.shape == value.shape and answer.dtype == np.float32
            difference = np.abs(answer - value) / (1 + (key == "values") * np.abs(value))
            worst = max(worst, float(difference.max()))
            assert worst <= TOLERANCE, f"{name}: {key} differ by {worst:.3g}:\n{answer}\n{value}"
        if not some:
            assert all(len(answer) == 0 for answer in answers.values())
    return worst


def other_forms(name):
    """The weights of safetensors and of JSON are the same, bit by bit."""
    _, packed = server.export(name, "safetensors")
    head = int.from_bytes(packed[:8], "little")
    described = json.loads(packed[8:8 + head])
    document = json.loads(server.export(name, "json")[1])
    described.pop("__metadata__", None)
    assert described.keys() == document["weights"].keys() and described
    for tensor, about in described.items():
        first, last = (8 + head + offset for offset in about["data_offsets"])
        numbers = np.frombuffer(packed[first:last], "<f4").reshape(about["shape"])
        told = document["weights"][tensor]
        assert told["shape"] == about["shape"]
        assert np.array_equal(np.array(told["data"], np.float32).reshape(about["shape"]), numbers), f"{name}: {tensor}"


def layers_alone(uploaded):
    """name -> (dataset, spec) of every kind of layer that fits a dataset by itself."""
    definitions = server.ask("GET", "/v1/families/classification/schema")["$defs"]
    found = {}
    for layer in definitions["Layer"]["oneOf"]:
        for dataset, spec in cases.alone(layer, definitions):
            if server.is_accepted(spec | {"dataset": uploaded[dataset]}):
                found[f"alone-{layer['properties']['kind']['const']}"] = (dataset, spec)
    assert len(found) > 15, f"only {sorted(found)} fit"
    return found


def main():
    chosen = sys.argv[1:]
    uploaded = cases.datasets()
    wanted = cases.cases() | layers_alone(uploaded)
    runs = {}
    for name, (dataset, spec) in wanted.items():
        if not chosen or name in chosen:
            training = dict(TRAINING)
            runs[name] = server.submit(spec | {"name": name, "dataset": uploaded[dataset], "training": training})
    worst, tested = ("", 0.0), set()
    for name, run in runs.items():
        tested.update(kinds_in(server.finished(run)["resolved_spec"]["network"]))
        rows = cases.ROWS[wanted[name][0]]()
        difference = largest_difference(name, run, rows)
        worst = max(worst, (name, difference), key=lambda pair: pair[1])
        other_forms(name)
    untested = kinds_there_are() - tested
    assert chosen or not untested, f"no case exports {sorted(untested)}"
    print(f"onnx: {len(runs)} models answer as the server does; the largest difference is {worst[1]:.2g} ({worst[0]})")


if __name__ == "__main__":
    main()
