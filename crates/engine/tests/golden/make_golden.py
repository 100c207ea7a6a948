#!/usr/bin/env python3
"""Writes the golden files beside this script with PyTorch: python3 make_golden.py

    networks.json    outputs, loss and gradients of small networks, for every function and loss
    trainings.json   20 steps of every optimizer with every schedule: learning rates, losses, final parameters

The configurations are the engine's own documents, so the test reads them as a user's spec would be read. All numbers
are computed in f64, written with 17 digits, and compared by ../golden.rs.
"""

import json
import math
from pathlib import Path

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
HERE = Path(__file__).parent
N_STEPS, STEPS_PER_EPOCH = 20, 5

FUNCTIONS = {
    "relu": lambda o: nn.ReLU(),
    "leaky_relu": lambda o: nn.LeakyReLU(o.get("slope", 0.01)),
    "elu": lambda o: nn.ELU(o.get("alpha", 1.0)),
    "gelu": lambda o: nn.GELU(),
    "silu": lambda o: nn.SiLU(),
    "sigmoid": lambda o: nn.Sigmoid(),
    "tanh": lambda o: nn.Tanh(),
    "softplus": lambda o: nn.Softplus(),
}


class ChannelsFirst(nn.Module):
    """A module of PyTorch, which wants channels before pixels or steps, on numbers that have them last."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.movedim(-1, 1)).movedim(1, -1)


class Residual(nn.Module):
    def __init__(self, inner, shape, activation):
        super().__init__()
        self.inner, out = modules_of(inner, shape)
        self.projection = nn.Linear(shape[-1], out[-1], bias=False) if out != shape else nn.Identity()
        self.strides = [-(-a // b) for a, b in zip(shape[:-1], out[:-1])]
        self.activation = activation

    def forward(self, x):
        picked = x[(slice(None), *(slice(None, None, s) for s in self.strides))]
        return self.activation(self.inner(x) + self.projection(picked))


class Recurrent(nn.Module):
    """A recurrent module with one bias where PyTorch has two; of a gru the second is needed for the last gate."""

    def __init__(self, layer, shape):
        super().__init__()
        kind, units, self.layer = layer["kind"], layer["units"], layer
        o = {"nonlinearity": layer.get("activation", "tanh")} if kind == "rnn" else {}
        module = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
        module = module(shape[-1], units, batch_first=True, bidirectional=layer.get("bidirectional", False), **o)
        self.inner = (module,)  # A tuple hides its parameters, which are these:
        for name, value in module.named_parameters():
            if not name.startswith("bias_hh"):
                setattr(self, name, nn.Parameter(value.detach().clone()))
            elif kind == "gru":
                setattr(self, name, nn.Parameter(value.detach()[2 * units:].clone()))

    def bias(self, name, like):
        """The second bias: zeros, and what the layer adds to a gate."""
        units = self.layer["units"]
        if self.layer["kind"] == "gru":
            return torch.cat([torch.zeros(2 * units), getattr(self, name)])
        bias = torch.zeros_like(like)
        if self.layer["kind"] == "lstm":
            bias[units:2 * units] = self.layer.get("forget_bias", 1.0)
        return bias

    def forward(self, x):
        module, units = self.inner[0], self.layer["units"]
        second = lambda name, value: self.bias(name, value) if name.startswith("bias_hh") else getattr(self, name)
        parameters = {name: second(name, value) for name, value in module.named_parameters()}
        states, _ = torch.func.functional_call(module, parameters, (x,))
        if self.layer.get("return_sequences"):
            return states
        return torch.cat([states[:, -1, :units], states[:, 0, units:]], 1)


class Attention(nn.Module):
    def __init__(self, layer, shape):
        super().__init__()
        self.heads, self.causal, features = layer["heads"], layer.get("causal", False), shape[-1]
        self.size = layer.get("key_size", features // self.heads)
        width = self.heads * self.size
        self.given, self.out = nn.Linear(features, 3 * width), nn.Linear(width, features)

    def forward(self, x):
        if self.heads * self.size == x.shape[-1]:
            mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
            x = x.transpose(0, 1)
            y, _ = nn.functional.multi_head_attention_forward(
                x, x, x, x.shape[-1], self.heads, self.given.weight, self.given.bias, None, None, False, 0.0,
                self.out.weight, self.out.bias, need_weights=False, attn_mask=mask)
            return y.transpose(0, 1)
        # PyTorch's module has no heads of another size.
        cut = lambda part: part.reshape(*x.shape[:2], self.heads, self.size).transpose(1, 2)
        q, k, v = (cut(part) for part in self.given(x).chunk(3, -1))
        y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(y.transpose(1, 2).flatten(2))


class PositionalEncoding(nn.Module):
    def __init__(self, layer, shape):
        super().__init__()
        self.place = nn.Parameter(torch.randn(math.prod(shape))) if layer.get("encoding") == "learned" else None

    def forward(self, x):
        if self.place is not None:
            return x + self.place.reshape(x.shape[1:])
        steps, features = x.shape[1:]
        angles = torch.arange(steps)[:, None] * torch.exp(
            -math.log(10000.0) * torch.arange(0, features, 2, dtype=torch.get_default_dtype()) / features)
        both = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        return x + both[:, :features]


class Embedding(nn.Module):
    def __init__(self, layer):
        super().__init__()
        # Transposed, because a table is no weight of inputs by outputs.
        self.table = nn.Parameter(torch.randn(layer["dimensions"], layer["vocabulary"]))

    def forward(self, x):
        index = torch.where((x >= 0) & (x < self.table.shape[1]), x, 0.0).long()
        return nn.functional.embedding(index, self.table.t())


class EntityEmbedding(nn.Module):
    """A table for each of some features, whose row takes the place of the feature."""

    def __init__(self, layer):
        super().__init__()
        self.features = [table["feature"] for table in layer["tables"]]
        self.tables = nn.ModuleList(Embedding(table) for table in layer["tables"])

    def forward(self, x):
        columns = list(x.split(1, 1))
        for feature, table in zip(self.features, self.tables):
            columns[feature] = table(columns[feature][:, 0])
        return torch.cat(columns, 1)


def pair(value, shape):
    """A size along every axis but that of the channels."""
    return tuple(value) if isinstance(value, list) else (value,) * (len(shape) - 1)


def module_of(layer, shape):
    """One layer of a spec for samples of a shape."""
    kind, n_axes = layer["kind"], len(shape) - 1
    if kind == "dense":
        dense = nn.Linear(shape[-1], layer["units"], bias=layer.get("use_bias", True))
        return nn.Sequential(dense, FUNCTIONS[layer["activation"]]({})) if "activation" in layer else dense
    if kind == "activation":
        return FUNCTIONS[layer["function"]](layer)
    if kind in ("conv1d", "conv2d", "conv_transpose"):
        conv = {"conv1d": [nn.Conv1d], "conv2d": [None, nn.Conv2d], "conv_transpose": [nn.ConvTranspose1d, nn.ConvTranspose2d]}
        o = {name: pair(layer[name], shape) for name in ("stride", "dilation", "output_padding") if name in layer}
        padding = layer.get("padding", 0)
        o["padding"] = padding if isinstance(padding, str) else pair(padding, shape)
        conv = conv[kind][n_axes - 1](shape[-1], layer["filters"], pair(layer["kernel_size"], shape),
                                      groups=layer.get("groups", 1), bias=layer.get("use_bias", True), **o)
        after = FUNCTIONS[layer["activation"]]({}) if "activation" in layer else nn.Identity()
        return ChannelsFirst(nn.Sequential(conv, after))
    if kind in ("max_pool", "average_pool"):
        pools = {"max_pool": [nn.MaxPool1d, nn.MaxPool2d], "average_pool": [nn.AvgPool1d, nn.AvgPool2d]}
        size = pair(layer["kernel_size"], shape)
        stride = pair(layer["stride"], shape) if "stride" in layer else None
        return ChannelsFirst(pools[kind][n_axes - 1](size, stride, pair(layer.get("padding", 0), shape)))
    if kind == "global_pool":
        pool = torch.amax if layer.get("function") == "max" else torch.mean
        return Call(lambda x: pool(x, tuple(range(1, n_axes + 1))))
    if kind == "batch_norm":
        norm = [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d][n_axes]
        norm = norm(shape[-1], eps=layer.get("epsilon", 1e-5), momentum=layer.get("momentum", 0.1))
        return ChannelsFirst(norm)
    if kind == "layer_norm":
        return nn.LayerNorm(shape[-1], eps=layer.get("epsilon", 1e-5))
    if kind == "local_response_norm":
        o = {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2.0}
        o.update((k, v) for k, v in layer.items() if k != "kind")
        return ChannelsFirst(nn.LocalResponseNorm(**o))
    if kind == "flatten":
        return Call(lambda x: x.reshape(len(x), -1))
    if kind == "reshape":
        return Call(lambda x: x.reshape(len(x), *layer["shape"]))
    if kind == "upsample":
        linear = ["linear", "bilinear"][n_axes - 1]
        mode = linear if layer.get("interpolation") == "linear" else "nearest"
        return ChannelsFirst(nn.Upsample(scale_factor=pair(layer["factor"], shape), mode=mode))
    if kind == "residual":
        activation = FUNCTIONS[layer["activation"]]({}) if "activation" in layer else nn.Identity()
        return Residual(layer["layers"], shape, activation)
    if kind in ("rnn", "gru", "lstm"):
        return Recurrent(layer, shape)
    if kind == "attention":
        return Attention(layer, shape)
    if kind == "positional_encoding":
        return PositionalEncoding(layer, shape)
    if kind == "embedding":
        return Embedding(layer)
    if kind == "entity_embedding":
        return EntityEmbedding(layer)
    raise ValueError(kind)


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def modules_of(layers, shape):
    """The layers of a spec for samples of a shape, and the shape that comes out."""
    modules = []
    for layer in layers:
        modules.append(module_of(layer, shape))
        shape = list(modules[-1](torch.zeros(2, *shape)).shape[1:])
    return nn.Sequential(*modules), shape


def network(layers, shape, n_outputs):
    """The layers of a spec, then the head, which reads whatever comes as a vector."""
    body, shape = modules_of(layers, shape)
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(math.prod(shape), n_outputs))


def statistics(net):
    """Running means and variances in the engine's order."""
    return [b for name, b in net.named_buffers() if "running" in name]


def flat(tensors):
    """One list in the engine's order: a weight is [inputs x outputs] there and [outputs x inputs] here, and the places of
    a kernel come first there and last here."""
    ordered = (t.permute(*range(2, t.dim()), 1, 0) if t.dim() > 1 else t for t in tensors)
    return [x for t in ordered for x in t.reshape(-1).tolist()]


def contrastive(embeddings, labels, margin):
    """Hadsell, Chopra, LeCun 2006, over all pairs of a batch; PyTorch has it for triplets only."""
    i, j = torch.triu_indices(len(labels), len(labels), offset=1)
    distance = (embeddings[i] - embeddings[j]).norm(dim=1)
    apart = (margin - distance).clamp(min=0)
    return torch.where(labels[i] == labels[j], distance, apart).square().mean() / 2


def loss_of(spec):
    kind = spec["kind"]
    if kind == "cross_entropy":
        weight = torch.tensor(spec["class_weights"]) if "class_weights" in spec else None
        return nn.CrossEntropyLoss(weight=weight, label_smoothing=spec.get("label_smoothing", 0.0))
    if kind == "binary_cross_entropy":
        return nn.BCEWithLogitsLoss(pos_weight=torch.tensor(spec.get("positive_weight", 1.0)))
    if kind == "hinge":
        return nn.MultiMarginLoss(margin=spec.get("margin", 1.0))
    if kind == "quantile":
        q = spec.get("quantile", 0.5)
        return lambda z, t: torch.maximum(q * (t - z), (q - 1) * (t - z)).mean()
    if kind == "poisson":
        rate = nn.PoissonNLLLoss(log_input=True, full=False)
        # Half the deviance: what depends on the targets alone makes 0 the loss of a perfect fit.
        return lambda z, t: rate(z, t) + (torch.xlogy(t, t) - t).mean()
    if kind == "kl":
        divergence = nn.KLDivLoss(reduction="batchmean")
        return lambda z, t: divergence(nn.functional.log_softmax(z, 1), t)
    if kind == "contrastive":
        return lambda z, y: contrastive(z, y, spec.get("margin", 1.0))
    return {"mse": nn.MSELoss(), "mae": nn.L1Loss(), "huber": nn.HuberLoss(delta=spec.get("delta", 1.0))}[kind]


def targets_of(spec, rows, n_outputs):
    if spec["kind"] in ("cross_entropy", "hinge", "contrastive"):
        return torch.randint(n_outputs, (rows,))
    if spec["kind"] == "poisson":
        return torch.randint(5, (rows, n_outputs)).to(torch.get_default_dtype())
    if spec["kind"] == "kl":
        return torch.randn(rows, n_outputs).softmax(1)
    if spec["kind"] == "binary_cross_entropy":
        return torch.randint(2, (rows, n_outputs)).to(torch.get_default_dtype())
    return torch.randn(rows, n_outputs)


def numbers(tensor):
    return tensor.reshape(-1).tolist()


def case(layers, loss, seed, shape):
    """Outputs, loss and gradients of one batch; where the batch leaves statistics, training is told from evaluation."""
    torch.manual_seed(seed)
    rows, n_outputs = 7, 3
    net = network(layers, shape, n_outputs)
    for b in statistics(net):
        b.copy_(torch.rand_like(b) + 0.5)
    for p in net.parameters():
        if p.dim() == 1 and len(shape) > 1:
            p.data += 0.3 * torch.randn_like(p)
    x, targets = 1.5 * torch.randn(rows, *shape), targets_of(loss, rows, n_outputs)
    outputs = net.eval()(x)
    mean_loss = loss_of(loss)(outputs, targets).item()
    parameters = flat([*net.parameters(), *statistics(net)])
    value = loss_of(loss)(net.train()(x), targets)
    value.backward()
    made = {
        "network": layers, "loss": loss, "rows": rows, "input": shape, "n_outputs": n_outputs,
        "parameters": parameters, "features": numbers(x), "targets": numbers(targets),
        "outputs": numbers(outputs), "mean_loss": mean_loss,
        "gradients": flat(p.grad for p in net.parameters()),
    }
    if statistics(net):
        made |= {"train_loss": value.item(), "statistics": flat(statistics(net))}
    return made


def shaped():
    """Layers of images and sequences, each with what comes in."""
    image, steps = [5, 4, 2], [8, 3]
    dense = {"kind": "dense", "units": 6, "activation": "tanh"}
    norm, pool = {"kind": "batch_norm"}, {"kind": "max_pool", "kernel_size": 2}
    layers = [
        ({"kind": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same", "activation": "relu"}, image),
        ({"kind": "conv2d", "filters": 4, "kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0], "groups": 2}, image),
        ({"kind": "conv2d", "filters": 3, "kernel_size": 2, "dilation": [1, 2], "use_bias": False}, image),
        ({"kind": "conv1d", "filters": 4, "kernel_size": 3, "stride": 2, "padding": 1, "activation": "tanh"}, steps),
        ({"kind": "conv1d", "filters": 3, "kernel_size": 3, "padding": "same", "dilation": 2, "groups": 3}, steps),
        ({"kind": "conv_transpose", "filters": 3, "kernel_size": 3, "stride": 2, "padding": 1, "output_padding": [1, 0]}, [2, 3, 2]),
        ({"kind": "conv_transpose", "filters": 2, "kernel_size": 2, "stride": 2, "activation": "sigmoid"}, steps),
        (pool, image), ({"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1}, image),
        ({"kind": "max_pool", "kernel_size": [3, 2], "stride": [1, 2]}, image), ({"kind": "max_pool", "kernel_size": 3, "stride": 2}, steps),
        ({"kind": "average_pool", "kernel_size": 2}, image), ({"kind": "average_pool", "kernel_size": 3, "stride": 2, "padding": 1}, image),
        ({"kind": "average_pool", "kernel_size": 2, "padding": 1}, steps),
        ({"kind": "global_pool"}, image), ({"kind": "global_pool", "function": "max"}, image), ({"kind": "global_pool"}, steps),
        (norm, image), (norm, steps), (norm, [9]), ({"kind": "batch_norm", "momentum": 0.3, "epsilon": 0.01}, image),
        ({"kind": "layer_norm"}, image), ({"kind": "layer_norm", "epsilon": 0.01}, steps), ({"kind": "layer_norm"}, [37]),
        ({"kind": "local_response_norm"}, [3, 2, 9]),
        ({"kind": "local_response_norm", "size": 4, "alpha": 0.8, "beta": 0.6, "k": 1.0}, [3, 2, 9]),
        ({"kind": "flatten"}, image), ({"kind": "reshape", "shape": [4, 3, 2]}, steps),
        ({"kind": "upsample", "factor": 2}, [2, 3, 2]),
        ({"kind": "upsample", "factor": [3, 2], "interpolation": "linear"}, [2, 3, 2]),
        ({"kind": "upsample", "factor": 2, "interpolation": "linear"}, steps),
        ({"kind": "residual", "layers": [norm, {"kind": "activation", "function": "silu"}], "activation": "relu"}, image),
        ({"kind": "residual", "layers": [norm, {"kind": "average_pool", "kernel_size": 2, "padding": 1}]}, [5, 5, 3]),
        ({"kind": "residual", "layers": [dense, {"kind": "dense", "units": 5}], "activation": "tanh"}, steps),
        ({"kind": "residual", "layers": [{"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1}]}, image),
        ({"kind": "residual", "layers": [dense]}, [4]),
        ({"kind": "residual", "activation": "relu", "layers": [
            {"kind": "conv2d", "filters": 4, "kernel_size": 3, "stride": 2, "padding": 1, "use_bias": False}, norm,
            {"kind": "activation", "function": "relu"}, {"kind": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same"}]}, image),
    ]
    return [([layer], shape) for layer, shape in layers] + [([norm, pool, {"kind": "flatten"}, dense], image)]


def sequences():
    """Layers over the steps of a sequence, each with what comes in."""
    steps = [6, 4]
    recur = lambda kind, **more: {"kind": kind, "units": 3, **more}
    both, all_steps = {"bidirectional": True}, {"return_sequences": True}
    options = [{}, all_steps, both, both | all_steps]
    layers = [recur(kind, **more) for kind in ("rnn", "gru", "lstm") for more in options]
    layers += [recur("rnn", activation="relu", **all_steps), recur("lstm", forget_bias=0.0), recur("lstm", forget_bias=0.5)]
    attention = {"kind": "attention", "heads": 2}
    layers += [attention, attention | {"causal": True}, attention | {"key_size": 3}, attention | {"key_size": 3, "causal": True},
               {"kind": "positional_encoding"}, {"kind": "positional_encoding", "encoding": "learned"}]
    dense = [{"kind": "dense", "units": 5, "activation": "gelu"}, {"kind": "dense", "units": 4}]
    norm = {"kind": "layer_norm"}
    encoder = [{"kind": "positional_encoding"}, {"kind": "residual", "layers": [norm, attention]},
               {"kind": "residual", "layers": [norm, *dense]}]
    embedding = {"kind": "embedding", "vocabulary": 3, "dimensions": 4}
    stacks = [(encoder, steps), ([recur("gru", **all_steps), recur("lstm", **both)], steps), ([embedding], [5]),
              ([embedding, recur("gru")], [5]), ([{"kind": "positional_encoding"}], [4, 5])]
    return [([layer], steps) for layer in layers] + stacks


def tables():
    """Features that are indices of tables: first, last, side by side, and more than are joined at once."""
    table = lambda feature, vocabulary, dimensions: {"feature": feature, "vocabulary": vocabulary, "dimensions": dimensions}
    layer = lambda *tables: {"kind": "entity_embedding", "tables": list(tables)}
    dense = {"kind": "dense", "units": 4, "activation": "tanh"}
    return [([layer(table(1, 3, 2))], [4]), ([layer(table(0, 2, 3), table(1, 3, 1), table(5, 4, 2)), dense], [6]),
            ([layer(*(table(feature, 2, 1 + feature % 2) for feature in range(1, 16, 2))), dense], [16])]


def networks():
    dense = lambda units, **more: {"kind": "dense", "units": units, **more}
    layers = [dense(6, activation="tanh"), dense(4, use_bias=False), {"kind": "activation", "function": "silu"}]
    cross_entropy = {"kind": "cross_entropy"}
    cases = [([dense(6, activation=f), dense(4, activation=f)], cross_entropy) for f in FUNCTIONS]
    cases.append(([dense(6), {"kind": "activation", "function": "leaky_relu", "slope": 0.2}], cross_entropy))
    cases.append(([dense(6), {"kind": "activation", "function": "elu", "alpha": 0.7}], cross_entropy))
    losses = [
        cross_entropy,
        {"kind": "cross_entropy", "label_smoothing": 0.1},
        {"kind": "cross_entropy", "class_weights": [0.5, 2.0, 1.25]},
        {"kind": "cross_entropy", "class_weights": [0.5, 2.0, 1.25], "label_smoothing": 0.2},
        {"kind": "binary_cross_entropy"},
        {"kind": "binary_cross_entropy", "positive_weight": 2.5},
        {"kind": "mse"}, {"kind": "mae"}, {"kind": "huber"}, {"kind": "huber", "delta": 0.3},
    ]
    cases += [(layers, loss) for loss in losses]
    cases.append(([], {"kind": "mse"}))
    later = [
        {"kind": "hinge"}, {"kind": "hinge", "margin": 0.4}, {"kind": "quantile"}, {"kind": "quantile", "quantile": 0.9},
        {"kind": "poisson"}, {"kind": "kl"}, {"kind": "contrastive"}, {"kind": "contrastive", "margin": 0.3},
    ]
    cases += [(layers, loss) for loss in later]
    made = [case(layers, loss, seed, [5]) for seed, (layers, loss) in enumerate(cases)]
    made += [case(layers, cross_entropy, 100 + seed, shape) for seed, (layers, shape) in enumerate(shaped())]
    made += [case(layers, cross_entropy, 200 + seed, shape) for seed, (layers, shape) in enumerate(sequences())]
    made += [case(layers, cross_entropy, 300 + seed, shape) for seed, (layers, shape) in enumerate(tables())]
    return made


OPTIMIZERS = [
    {"kind": "sgd", "learning_rate": 0.1},
    {"kind": "sgd", "learning_rate": 0.1, "weight_decay": 0.01},
    {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "weight_decay": 0.01},
    {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    {"kind": "rmsprop", "learning_rate": 0.01},
    {"kind": "rmsprop", "learning_rate": 0.01, "alpha": 0.9, "momentum": 0.8, "weight_decay": 0.01, "epsilon": 1e-6},
    {"kind": "adam", "learning_rate": 0.02},
    {"kind": "adam", "learning_rate": 0.02, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.01, "epsilon": 1e-6},
    {"kind": "adamw", "learning_rate": 0.02},
    {"kind": "adamw", "learning_rate": 0.02, "weight_decay": 0.1},
    {"kind": "adagrad", "learning_rate": 0.1},
    {"kind": "adagrad", "learning_rate": 0.1, "weight_decay": 0.01, "epsilon": 1e-6},
    {"kind": "lion", "learning_rate": 0.01},
    {"kind": "lion", "learning_rate": 0.01, "beta1": 0.8, "beta2": 0.95, "weight_decay": 0.1},
]

SCHEDULES = [
    {"kind": "constant"},
    {"kind": "step", "every_epochs": 2, "gamma": 0.3},
    {"kind": "exponential", "gamma": 0.8},
    {"kind": "cosine", "min_fraction": 0.1},
    {"kind": "one_cycle", "pct_start": 0.3, "div_factor": 10.0, "final_div_factor": 100.0},
    {"kind": "warm_up", "steps": 6, "start_factor": 0.25},
    {"kind": "warm_up", "steps": 5, "start_factor": 0.5, "then": {"kind": "cosine"}},
    {"kind": "reduce_on_plateau", "factor": 0.5, "patience": 0, "threshold": 0.3},
]


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2; PyTorch has no such optimizer."""

    def __init__(self, parameters, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("momentum", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(beta1 * m + (1 - beta1) * p.grad))
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


def optimizer_of(spec, parameters):
    o = {k: v for k, v in spec.items() if k not in ("kind", "learning_rate", "beta1", "beta2", "epsilon")}
    if spec["kind"] in ("adam", "adamw"):
        o["betas"] = (spec.get("beta1", 0.9), spec.get("beta2", 0.999))
    if spec["kind"] == "lion":
        o["betas"] = (spec.get("beta1", 0.9), spec.get("beta2", 0.99))
    if "epsilon" in spec:
        o["eps"] = spec["epsilon"]
    make = {"sgd": torch.optim.SGD, "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW,
            "adagrad": torch.optim.Adagrad, "lion": Lion}
    return make[spec["kind"]](parameters, lr=spec["learning_rate"], **o)


def schedule_of(spec, optimizer, n_steps):
    """The scheduler, and whether it is stepped per `step`, per `epoch` or with the `loss` of an epoch."""
    s, lr, kind = torch.optim.lr_scheduler, optimizer.param_groups[0]["lr"], spec["kind"]
    if kind == "constant":
        return s.ConstantLR(optimizer, factor=1.0), "epoch"
    if kind == "step":
        return s.StepLR(optimizer, spec["every_epochs"], spec["gamma"]), "epoch"
    if kind == "exponential":
        return s.ExponentialLR(optimizer, spec["gamma"]), "epoch"
    if kind == "cosine":
        return s.CosineAnnealingLR(optimizer, n_steps, eta_min=lr * spec.get("min_fraction", 0.0)), "step"
    if kind == "one_cycle":
        return s.OneCycleLR(optimizer, max_lr=lr, total_steps=n_steps, pct_start=spec["pct_start"],
                            div_factor=spec["div_factor"], final_div_factor=spec["final_div_factor"],
                            cycle_momentum=False), "step"
    if kind == "warm_up":
        up = s.LinearLR(optimizer, start_factor=spec["start_factor"], total_iters=spec["steps"])
        if "then" not in spec:
            return up, "step"
        then, _ = schedule_of(spec["then"], optimizer, n_steps - spec["steps"])
        return s.SequentialLR(optimizer, [up, then], milestones=[spec["steps"]]), "step"
    return s.ReduceLROnPlateau(optimizer, factor=spec["factor"], patience=spec["patience"],
                               threshold=spec["threshold"], threshold_mode="rel"), "loss"


def training(optimizer_spec, schedule_spec, clip, data):
    torch.manual_seed(1)
    net = network(data["network"], [data["n_features"]], data["n_outputs"])
    initial = flat(net.parameters())
    optimizer = optimizer_of(optimizer_spec, net.parameters())
    schedule, per = schedule_of(schedule_spec, optimizer, N_STEPS)
    rates, losses, norms = [], [], []
    for step in range(N_STEPS):
        batch = slice(step % STEPS_PER_EPOCH * 4, step % STEPS_PER_EPOCH * 4 + 4)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(data["x"][batch]), data["y"][batch])
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(net.parameters(), clip if clip else math.inf).item())
        rates.append(optimizer.param_groups[0]["lr"])
        losses.append(loss.item())
        optimizer.step()
        end_of_epoch = step % STEPS_PER_EPOCH == STEPS_PER_EPOCH - 1
        if per == "step":
            schedule.step()
        elif per == "epoch" and end_of_epoch:
            schedule.step()
        elif per == "loss" and end_of_epoch:
            schedule.step(sum(losses[-STEPS_PER_EPOCH:]) / STEPS_PER_EPOCH)
    return initial, {
        "optimizer": optimizer_spec, "schedule": schedule_spec, "clip": clip, "learning_rates": rates,
        "losses": losses, "gradient_norms": norms, "parameters": flat(net.parameters()),
    }


def trainings():
    torch.manual_seed(0)
    data = {
        "network": [{"kind": "dense", "units": 5, "activation": "tanh"}], "n_features": 4, "n_outputs": 3,
        "x": torch.randn(4 * STEPS_PER_EPOCH, 4), "y": torch.randint(3, (4 * STEPS_PER_EPOCH,)),
    }
    runs = [training(o, s, None, data) for o in OPTIMIZERS for s in SCHEDULES]
    runs += [training(o, SCHEDULES[0], 0.2, data) for o in OPTIMIZERS]
    return {
        "network": data["network"], "n_features": 4, "n_outputs": 3, "rows_per_step": 4,
        "steps_per_epoch": STEPS_PER_EPOCH, "features": numbers(data["x"]), "labels": numbers(data["y"]),
        "initial": runs[0][0], "runs": [run for _, run in runs],
    }


def write(name, content):
    rows = content["runs"] if isinstance(content, dict) else content
    head = {k: v for k, v in content.items() if k != "runs"} if isinstance(content, dict) else {}
    head = {"made_with": f"torch {torch.__version__}", **head}
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    text = json.dumps(head, separators=(",", ":"))[:-1] + ',"runs":[\n' + lines + "\n]}\n"
    (HERE / name).write_text(text)


write("networks.json", networks())
write("trainings.json", trainings())
