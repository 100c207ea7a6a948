"""The unmodified client of Triton asks the running server: metadata, JSON and binary tensors, compression, errors, large bodies.

What it gets must be, bit by bit, what `/v1/models/{name}/predict` answers.
"""

import http.client
import json
import urllib.parse
import zlib

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

import cases
import server

TRAINING = {"epochs": 2, "batch_size": 32, "seed": 3}


def token():
    """New every time: the client writes into the headers that it is given."""
    return {"Authorization": "Bearer " + server.TOKEN}


def tensor(name, array, binary=True):
    kinds = {"f4": "FP32", "f8": "FP64", "i8": "INT64", "u1": "UINT8", "b1": "BOOL", "O": "BYTES"}
    found = triton.InferInput(name, list(array.shape), kinds[array.dtype.str.lstrip("<|")])
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def table_tensors(rows, columns, binary):
    """One tensor per column: texts as BYTES, numbers as FP64, the missing ones NaN."""
    found = []
    for name in columns:
        cells = [row[name] for row in rows]
        if any(isinstance(cell, str) for cell in cells):
            texts = ["" if cell is None else str(cell) for cell in cells]
            array = np.array([text.encode() for text in texts] if binary else texts, dtype=object)
        else:
            array = np.array([np.nan if cell is None else float(cell) for cell in cells])
        found.append(tensor(name, array, binary))
    return found


def outputs_of(result, model):
    return {
        "label": [cell.decode() if isinstance(cell, bytes) else cell for cell in result.as_numpy("label").tolist()],
        "probabilities": result.as_numpy("probabilities"),
    }


def expected(name, rows):
    answers = server.predict(name, rows)
    return {
        "label": [answer["label"] for answer in answers],
        "probabilities": np.array([list(answer["probabilities"].values()) for answer in answers], np.float32),
    }


def same(got, wanted):
    assert got["label"] == wanted["label"], f"{got['label']} where rows get {wanted['label']}"
    assert got["probabilities"].dtype == np.float32
    assert np.array_equal(got["probabilities"], wanted["probabilities"]), got["probabilities"] - wanted["probabilities"]


def refused(call, status, *words):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == str(status), f"{error.status()} {error.message()}"
        missing = [word for word in words if word not in error.message()]
        assert not missing, f"{missing} in {error.message()}"
        return
    raise AssertionError(f"{status} was expected: {words}")


def metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    about = client.get_server_metadata(headers=token())
    assert about["name"] == "descent" and "binary_tensor_data" in about["extensions"]
    assert client.is_model_ready("oip-numbers", headers=token()) and client.is_model_ready("oip-numbers", "1", headers=token())
    assert not client.is_model_ready("nobody", headers=token())
    assert client.get_model_metadata("oip-numbers", headers=token()) == {
        "name": "oip-numbers", "versions": ["1"], "platform": "descent",
        "inputs": [{"name": "features", "datatype": "FP32", "shape": [-1, 16]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]}, {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]},
        ],
    }
    of_mixed = client.get_model_metadata("oip-mixed", "1", headers=token())["inputs"]
    assert [(port["name"], port["datatype"]) for port in of_mixed] == [
        ("size", "FP32"), ("label", "BYTES"), ("day", "BYTES"), ("moment", "BYTES"), ("flag", "FP32"), ("conv_1", "BYTES")]
    of_images = client.get_model_metadata("oip-images", headers=token())["inputs"]
    assert of_images == [{"name": "features", "datatype": "FP32", "shape": [-1, 10, 9, 3]}]
    index = client.get_model_repository_index(headers=token())
    assert {"name": "oip-mixed", "version": "1", "state": "READY", "reason": ""} in index
    client.unload_model("oip-mixed", headers=token())
    client.load_model("oip-mixed", headers=token())


def inference(client):
    columns = [f"x{index}" for index in range(16)]
    rows = cases.number_rows()
    wanted = expected("oip-numbers", rows)
    matrix = np.array([[np.nan if row[name] is None else row[name] for name in columns] for row in rows])
    mixed = cases.mixed_rows()
    wanted_mixed = expected("oip-mixed", mixed)
    names = ["size", "label", "day", "moment", "flag", "conv_1"]
    for binary in (True, False):
        # JSON has no NaN: there, the rows without a missing number.
        whole = ~np.isnan(matrix).any(1) if not binary else np.full(len(rows), True)
        some = {"label": [label for label, kept in zip(wanted["label"], whole) if kept],
                "probabilities": wanted["probabilities"][whole]}
        for coding in (None, "gzip", "deflate"):
            for array in (matrix[whole], matrix[whole].astype(np.float32)):
                result = client.infer(
                    "oip-numbers", [tensor("features", array, binary)], headers=token(), request_id="r-7",
                    request_compression_algorithm=coding, response_compression_algorithm=coding)
                assert result.get_response()["id"] == "r-7" and result.get_response()["model_version"] == "1"
                same(outputs_of(result, "oip-numbers"), some)
        kept = [row for row in mixed if row["size"] is not None and row["flag"] is not None] if not binary else mixed
        result = client.infer("oip-mixed", table_tensors(kept, names, binary), headers=token())
        picked = [mixed.index(row) for row in kept]
        same(outputs_of(result, "oip-mixed"), {
            "label": [wanted_mixed["label"][index] for index in picked], "probabilities": wanted_mixed["probabilities"][picked]})
    # Only what is asked for, in the order in which it is asked for, each in its own form.
    asked = [triton.InferRequestedOutput("probabilities", binary_data=False), triton.InferRequestedOutput("label", binary_data=True)]
    result = client.infer("oip-numbers", [tensor("features", matrix)], outputs=asked, headers=token())
    assert [output["name"] for output in result.get_response()["outputs"]] == ["probabilities", "label"]
    same(outputs_of(result, "oip-numbers"), wanted)
    images = np.array(cases.array_rows("images"), np.uint8)
    for array in (images, images.astype(np.float32), images.reshape(len(images), -1).astype(np.float64)):
        result = client.infer("oip-images", [tensor("features", array)], headers=token())
        same(outputs_of(result, "oip-images"), expected("oip-images", images.tolist()))


def errors(client):
    matrix = np.zeros((2, 16), np.float32)
    ask = lambda model, *inputs, **more: client.infer(model, list(inputs), headers=token(), **more)
    refused(lambda: ask("nobody", tensor("features", matrix)), 404, "nobody")
    refused(lambda: ask("oip-numbers", tensor("features", matrix), model_version="9"), 404, "9")
    refused(lambda: ask("oip-numbers", tensor("features", matrix[:, :5])), 400, "features", "[-1, 16]", "[2, 5]")
    refused(lambda: ask("oip-numbers", tensor("other", matrix)), 400, "other", "features")
    refused(lambda: ask("oip-numbers", tensor("features", matrix), outputs=[triton.InferRequestedOutput("logits")]), 400, "logits")
    refused(lambda: ask("oip-numbers", tensor("features", np.array([[b"x"] * 16], object))), 400, "x0", "not a number")
    refused(lambda: ask("oip-numbers", tensor("features", matrix), outputs=[triton.InferRequestedOutput("label", class_count=2)]), 400, "classification")
    refused(lambda: client.infer("oip-numbers", [tensor("features", matrix)]), 401)
    refused(lambda: client.get_server_metadata(), 401)
    refused(lambda: client.get_trace_settings(headers=token()), 404)
    # The same connection answers on.
    assert ask("oip-numbers", tensor("features", matrix)).as_numpy("label").shape == (2,)


def large_bodies(client):
    """3 MB and 5 MB of tensors are answered; beyond the limit of 8 MiB there is 413, and the connection is good for more."""
    for n_bytes in (3_000_000, 5_000_000):
        matrix = np.random.default_rng(1).normal(size=(n_bytes // 64, 16)).astype(np.float32)
        result = client.infer("oip-numbers", [tensor("features", matrix)], headers=token())
        assert result.as_numpy("probabilities").shape == (len(matrix), 3)
    refused(lambda: client.infer("oip-numbers", [tensor("features", np.zeros((200_000, 16), np.float32))], headers=token()), 413)
    refused(lambda: client.infer("oip-numbers", [tensor("features", np.zeros((50_000, 16), np.float32))]), 401)
    zeros = zlib.compress(bytes(20_000_000))
    connection = http.client.HTTPConnection(urllib.parse.urlparse(server.URL).netloc)
    for body, headers, status in (
        (zeros, {"Content-Encoding": "deflate"}, 413),
        (b"\x00" * 10_000_000, {}, 413),
        (b"{\"inputs\": [NaN]}", {}, 400),
        (b"", {}, 400),
    ):
        connection.request("POST", "/v2/models/oip-numbers/infer", body, token() | headers)
        socket = connection.sock
        answer = connection.getresponse()
        said = json.loads(answer.read())
        assert answer.status == status and set(said) == {"error"}, f"{answer.status} {said}"
        assert answer.headers["Content-Type"] == "application/json"
        assert connection.sock is socket, "the connection was closed"
    connection.close()


def main():
    uploaded = cases.datasets()
    specs = {
        "oip-numbers": ("numbers", cases.classify("three", features=cases.X)),
        "oip-mixed": ("mixed", cases.classify("quality", features={"exclude": ["value"]})),
        "oip-images": ("images", cases.classify("label") | cases.layers({"kind": "conv2d", "filters": 3, "kernel_size": 3})),
    }
    runs = [
        server.submit(spec | {"name": name, "dataset": uploaded[dataset], "training": TRAINING})
        for name, (dataset, spec) in specs.items()
    ]
    for run in runs:
        server.finished(run)
    with triton.InferenceServerClient(urllib.parse.urlparse(server.URL).netloc) as client:
        metadata(client)
        inference(client)
        errors(client)
        large_bodies(client)
    print("inference: tritonclient gets what rows get, bit by bit")


if __name__ == "__main__":
    main()
