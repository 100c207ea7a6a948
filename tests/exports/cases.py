"""What is trained and exported: every kind of layer, every function, every task and loss, every encoding of a column.

A case is a dataset, the parts of a spec that differ, and raw rows to predict, missing and unknown values among them.
"""

import csv
import io
import math

import numpy as np

import server

N_ROWS = 160
COLOURS = ["red", "green", "blue", "a colour, \"quoted\"", "청록"]
FUNCTIONS = ["relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "tanh", "softplus"]


def table(rows, names):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    for row in rows:
        writer.writerow(["" if cell is None else cell for cell in row])
    return text.getvalue().encode()


def numbers_csv(random):
    """Sixteen numbers, some missing, one column far from zero; three classes, two classes, and three targets."""
    rows = []
    for _ in range(N_ROWS):
        x = [float(np.float32(value)) for value in random.normal(size=16)]
        x[3] = float(np.float32(1000 + x[3]))
        score = x[0] - x[1] + 0.5 * x[2]
        cells = [None if index in (5, 9) and random.random() < 0.1 else value for index, value in enumerate(x)]
        three = ["low", "middle", "high"][0 if score < -0.5 else 1 if score < 0.5 else 2]
        two = "yes" if score > 0 else "no"
        share = 1 / (1 + math.exp(-score))
        counts = int(random.poisson(math.exp(0.4 * score)))
        rows.append([*cells, three, two, 250_000 + 40_000 * score, 0.01 * score - 3, counts, share, 1 - share])
    names = [f"x{index}" for index in range(16)] + ["three", "two", "price", "change", "count", "share", "rest"]
    return table(rows, names)


def mixed_csv(random):
    """Every kind of column, each with missing values, and columns called like the outputs of a graph."""
    rows = []
    for index in range(N_ROWS):
        size = float(np.float32(random.normal(50, 20)))
        colour = COLOURS[random.integers(len(COLOURS))] if index != 7 else "seen once"
        day = f"20{random.integers(10, 30)}-{random.integers(1, 13):02}-{random.integers(1, 29):02}"
        moment = f"2024-03-{random.integers(1, 29):02}T{random.integers(24):02}:{random.integers(60):02}:00Z"
        flag = bool(random.random() < 0.5)
        place = ["north", "south"][random.integers(2)]
        good = size > 50 or colour == "red" or flag
        cells = [size, colour, day, moment, "yes" if flag else "no", place]
        cells = [None if random.random() < 0.08 else cell for cell in cells]
        rows.append([*cells, "good" if good else "bad", size * 2 + 10 * flag])
    return table(rows, ["size", "label", "day", "moment", "flag", "conv_1", "quality", "value"])


def indices_csv(random):
    """Six indices of a vocabulary of twelve."""
    rows = []
    for _ in range(N_ROWS):
        x = random.integers(0, 12, 6)
        rows.append([*x, "odd" if x.sum() % 2 else "even"])
    return table(rows, [f"k{index}" for index in range(6)] + ["parity"])


def datasets():
    random = np.random.default_rng(7)
    images = random.integers(0, 256, (N_ROWS, 10, 9, 3), dtype=np.uint8)
    sequences = random.normal(3, 2, (N_ROWS, 7, 4)).astype(np.float32)
    vectors = random.normal(-1, 5, (N_ROWS, 6)).astype(np.float32)
    bright = (images.mean((1, 2, 3)) > 127).astype(np.uint8)
    return {
        "numbers": server.upload("numbers", numbers_csv(random), "text/csv"),
        "mixed": server.upload("mixed", mixed_csv(random), "text/csv"),
        "indices": server.upload("indices", indices_csv(random), "text/csv"),
        "logic": server.upload("logic", b"left,right,both\n" + b"0,0,no\n0,1,no\n1,0,no\n1,1,yes\n" * 20, "text/csv"),
        "images": server.upload_arrays("images", images, bright),
        "sequences": server.upload_arrays("sequences", sequences, (sequences.sum((1, 2)) > 84).astype(np.uint8), "sequence"),
        "vectors": server.upload_arrays("vectors", vectors, random.integers(0, 3, N_ROWS).astype(np.uint8)),
    }


def number_rows():
    random = np.random.default_rng(8)
    rows = []
    for _ in range(12):
        row = {f"x{index}": float(np.float32(value)) for index, value in enumerate(random.normal(size=16))}
        row["x3"] = float(np.float32(1000 + row["x3"]))
        rows.append(row)
    rows[1]["x5"] = None
    rows[2] = dict.fromkeys(rows[2])
    rows[3]["x0"], rows[4]["x1"] = 1e6, -1e6
    return rows


def mixed_rows():
    full = {
        "size": 61.5, "label": "red", "day": "2019-11-30", "moment": "2024-03-05T23:59:00Z", "flag": True, "conv_1": "north",
    }
    changes = [
        {}, {"size": None}, {"label": None}, {"label": "never seen"}, {"label": "seen once"}, {"label": COLOURS[3]},
        {"label": COLOURS[4]}, {"label": "NA"}, {"day": None}, {"day": "1969-02-01"}, {"moment": None},
        {"moment": "2024-12-31T00:00:30Z"}, {"flag": False}, {"flag": None}, {"conv_1": "west"}, {"conv_1": ""},
        dict.fromkeys(full),
    ]
    return [full | change for change in changes]


def index_rows():
    lists = [[0, 1, 2, 3, 4, 5], [11, 11, 0, 7, 3, 2], [12, 40, -1, -0.5, 2.75, 1e9]]
    return [{f"k{index}": value for index, value in enumerate(row)} for row in lists]


def logic_rows():
    return [{"left": a, "right": b} for a in (0, 1) for b in (0, 1)] + [{"left": None, "right": 1}, {"left": 0, "right": None}]


def array_rows(name):
    random = np.random.default_rng(9)
    if name == "images":
        return random.integers(0, 256, (5, 10, 9, 3)).tolist()
    shape = {"sequences": (5, 7, 4), "vectors": (5, 6)}[name]
    return random.normal(1, 4, shape).astype(np.float32).astype(float).tolist()


ROWS = {
    "numbers": number_rows,
    "mixed": mixed_rows,
    "indices": index_rows,
    "logic": logic_rows,
    "images": lambda: array_rows("images"),
    "sequences": lambda: array_rows("sequences"),
    "vectors": lambda: array_rows("vectors"),
}


def classify(target, **more):
    return {"task": {"kind": "classification", "target": target, **more}}


def least(schema, definitions):
    """The least value that a schema takes, 2 for a number where it may be 2."""
    if "$ref" in schema:
        return least(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    for choice in (schema.get("oneOf") or schema.get("anyOf") or [])[:1]:
        return least(choice, definitions)
    if "const" in schema:
        return schema["const"]
    if schema["type"] == "array":
        return [least(schema["items"], definitions)] * schema.get("minItems", 1)
    if schema["type"] == "object":
        return {name: least(schema["properties"][name], definitions) for name in schema.get("required", [])}
    return min(max(2, schema.get("minimum", 2)), schema.get("maximum", 2**31))


def alone(layer, definitions):
    """The datasets and specs of a layer of the schema by itself, with the least that it asks for, so that a new kind needs no case
    of its own; some kinds fit one of the datasets, some none."""
    return [(dataset, classify("label") | layers(least(layer, definitions))) for dataset in ("vectors", "sequences", "images")]


def embed(target, dimensions, **more):
    return {"task": {"kind": "embedding", "target": target, **more}, "loss": {"kind": "contrastive", "dimensions": dimensions}}


def regress(*targets, **more):
    target = targets[0] if len(targets) == 1 else list(targets)
    return {"task": {"kind": "regression", "target": target, **more}}


X = {"include": [f"x{index}" for index in range(16)]}
IMAGE = {"kind": "reshape", "shape": [4, 4, 1]}
SEQUENCE = {"kind": "reshape", "shape": [8, 2]}
#: The numbers with their two indicators of missing values are 18 features.
SQUARE = {"kind": "dense", "units": 16}


def layers(*kinds):
    return {"network": list(kinds)}


def image_case(*kinds):
    return "images", classify("label") | layers(*kinds)


def sequence_case(*kinds):
    return "sequences", classify("label") | layers(*kinds)


def cases():
    """name -> (dataset, spec without dataset and name)"""
    three = classify("three", features=X)
    found = {
        "linear": ("numbers", three | layers()),
        "binary": ("numbers", classify("two", features=X) | layers({"kind": "dense", "units": 8, "activation": "relu"})),
        "binary-softmax": ("numbers", classify("two", features=X) | {"loss": {"kind": "cross_entropy"}}),
        "hinge": ("numbers", three | {"loss": {"kind": "hinge"}}),
        "perceptron": ("logic", classify("both") | {"network": {"kind": "perceptron"}}),
        "one-target": ("numbers", regress("price", features=X)),
        "two-targets": ("numbers", regress("price", "change", features=X)),
        "counts": ("numbers", regress("count", features=X) | {"loss": {"kind": "poisson"}}),
        "shares": ("numbers", regress("share", "rest", features=X) | {"loss": {"kind": "kl"}}),
        "quantile": ("numbers", regress("price", features=X) | {"loss": {"kind": "quantile", "quantile": 0.9}}),
        "places": ("numbers", embed("three", 5, features=X)),
        "mixed": ("mixed", classify("quality", features={"exclude": ["value"]})),
        "mixed-values": ("mixed", regress("value", features={"exclude": ["quality"]})),
        "mixed-embedded": ("mixed", classify("quality", features={"exclude": ["value"]}, preprocessing={"categories": {"kind": "embedding"}})),
        "mixed-bare": ("mixed", classify("quality", features={"exclude": ["value"]}, preprocessing={
            "indicator": False, "standardise": False, "max_categories": 2, "impute": "median"})),
        "one-column": ("mixed", classify("quality", features={"include": ["label"]})),
        "vectors": ("vectors", classify("label") | layers({"kind": "dense", "units": 5, "activation": "tanh"})),
        "raw-images": ("images", classify("label", preprocessing={"standardise": False, "scale": False}) | layers({"kind": "flatten"})),
        "embedding": ("indices", classify("parity", preprocessing={"standardise": False}) | layers(
            {"kind": "embedding", "vocabulary": 12, "dimensions": 5}, {"kind": "global_pool"})),
        "dropout-norms": ("numbers", three | layers(
            {"kind": "dense", "units": 9}, {"kind": "batch_norm"}, {"kind": "activation", "function": "leaky_relu", "slope": 0.2},
            {"kind": "dropout", "rate": 0.4}, {"kind": "layer_norm"}, {"kind": "activation", "function": "elu", "alpha": 0.7})),
        "residual-vector": ("numbers", three | layers(
            {"kind": "residual", "activation": "relu", "layers": [{"kind": "dense", "units": 7}]},
            {"kind": "residual", "layers": [{"kind": "dense", "units": 7, "activation": "tanh"}, {"kind": "batch_norm"}]})),
        "reshape-image": ("numbers", three | layers(SQUARE, IMAGE, {"kind": "conv2d", "filters": 3, "kernel_size": 2})),
        "reshape-sequence": ("numbers", three | layers(SQUARE, SEQUENCE, {"kind": "lstm", "units": 3})),
        "conv": image_case(
            {"kind": "conv2d", "filters": 6, "kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 1], "activation": "relu"},
            {"kind": "conv2d", "filters": 4, "kernel_size": 2, "dilation": [1, 2], "groups": 2, "use_bias": False},
            {"kind": "batch_norm"}, {"kind": "flatten"}),
        "pools": image_case(
            {"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1},
            {"kind": "average_pool", "kernel_size": [2, 3], "stride": 1, "padding": [1, 0]}, {"kind": "global_pool", "function": "max"}),
        "pool-average": image_case(
            {"kind": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"}, {"kind": "layer_norm"}, {"kind": "global_pool"}),
        "normalised-odd": image_case(
            {"kind": "conv2d", "filters": 7, "kernel_size": 1}, {"kind": "local_response_norm", "alpha": 0.5}, {"kind": "flatten"}),
        "normalised-even": image_case(
            {"kind": "conv2d", "filters": 5, "kernel_size": 1},
            {"kind": "local_response_norm", "size": 4, "alpha": 0.9, "beta": 0.6, "k": 1.5}, {"kind": "flatten"}),
        "transposed": image_case(
            {"kind": "conv_transpose", "filters": 4, "kernel_size": [3, 2], "stride": [2, 3], "padding": [1, 0],
             "output_padding": [1, 2], "activation": "silu"}, {"kind": "global_pool"}),
        "upsampled-nearest": image_case({"kind": "upsample", "factor": [2, 3]}, {"kind": "conv2d", "filters": 2, "kernel_size": 4}),
        "upsampled-linear": image_case(
            {"kind": "upsample", "factor": [3, 2], "interpolation": "linear"}, {"kind": "conv2d", "filters": 2, "kernel_size": 5}),
        "residual-image": image_case(
            {"kind": "residual", "activation": "relu", "layers": [
                {"kind": "conv2d", "filters": 5, "kernel_size": 3, "stride": 2, "padding": 1}, {"kind": "batch_norm"}]},
            {"kind": "residual", "layers": [{"kind": "residual", "layers": [{"kind": "conv2d", "filters": 5, "kernel_size": 1}]}]}),
        "conv1d": sequence_case(
            {"kind": "conv1d", "filters": 6, "kernel_size": 3, "padding": 2, "dilation": 2, "groups": 2, "activation": "gelu"},
            {"kind": "conv1d", "filters": 3, "kernel_size": 2, "stride": 2}, {"kind": "flatten"}),
        "sequence-images": sequence_case(
            {"kind": "upsample", "factor": 2, "interpolation": "linear"}, {"kind": "max_pool", "kernel_size": 2, "stride": 1},
            {"kind": "conv_transpose", "filters": 3, "kernel_size": 2, "stride": 2}, {"kind": "average_pool", "kernel_size": 3},
            {"kind": "batch_norm"}, {"kind": "dense", "units": 3, "activation": "relu"}),
        "attention": sequence_case(
            {"kind": "positional_encoding"},
            {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "attention", "heads": 2, "dropout": 0.1}]},
            {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "dense", "units": 6, "activation": "gelu"}, {"kind": "dense", "units": 4}]},
            {"kind": "global_pool"}),
        "attention-causal": sequence_case(
            {"kind": "positional_encoding", "encoding": "learned"}, {"kind": "attention", "heads": 3, "key_size": 5, "causal": True}),
    }
    for function in FUNCTIONS:
        found[f"function-{function}"] = ("numbers", three | layers(
            {"kind": "dense", "units": 6, "activation": function}, {"kind": "activation", "function": function}))
    for kind in ("rnn", "gru", "lstm"):
        for bidirectional in (False, True):
            for all_steps in (False, True):
                layer = {"kind": kind, "units": 5, "bidirectional": bidirectional, "return_sequences": all_steps}
                found[f"{kind}-{bidirectional}-{all_steps}".lower()] = sequence_case(layer, {"kind": "dense", "units": 3})
    found["rnn-relu"] = sequence_case({"kind": "rnn", "units": 4, "activation": "relu"})
    found["recurrent-stack"] = sequence_case(
        {"kind": "gru", "units": 4, "return_sequences": True}, {"kind": "lstm", "units": 3, "bidirectional": True, "return_sequences": True},
        {"kind": "rnn", "units": 3, "bidirectional": True})
    return found
