"""Tiny runs that together contain each layer, activation, loss, update rule and regime."""

import numpy as np

import pullback as pb
from pullback import nn
from pullback.losses.losses import LOSSES
from pullback.nn.layers import ACTIVATIONS
from pullback.optim import OPTIMIZERS

RANDOM = np.random.default_rng(7)
ROWS, COLUMNS, UNITS, CLASSES = 20, 5, 6, 3
X = RANDOM.normal(size=(ROWS, COLUMNS))
LABELS = RANDOM.integers(0, CLASSES, ROWS)
NUMBERS = RANDOM.normal(size=ROWS)
SEVERAL = RANDOM.normal(size=(ROWS, 2))
COUNTS = RANDOM.poisson(2.0, size=ROWS)
FRACTIONS = RANDOM.uniform(size=(ROWS, CLASSES))
SOFT = RANDOM.dirichlet(np.ones(CLASSES), ROWS)
WEIGHTS = np.where(np.arange(ROWS) % 4 == 0, 0.0, RANDOM.uniform(0.5, 2.0, ROWS))
WEIGHTLESS_BATCH = np.where(np.arange(ROWS) < 8, 0.0, 1.5)


def bump(x):
    """An activation of one's own."""
    return x * np.exp(-(x**2)) + np.where(x > 0, 0.1 * x, np.sin(x))


def cubic(outputs, targets):
    """A loss of one's own, one number per row."""
    return np.sum(np.abs(outputs - targets) ** 3, axis=1)


def cosine(outputs, targets):
    """A loss of one's own that is one number and mixes rows."""
    products = np.sum(outputs * targets)
    return 1 - products / np.sqrt(np.sum(outputs**2) * np.sum(targets**2) + 1e-6)


FACTORS = np.array([0.5, 2.0])
PLACES = np.array([1, 1, 0])


def with_first(values, first):
    """Values with another first row."""
    values = np.copy(values)
    values[0] = first
    return values


def pairs(outputs, targets):
    """A loss that compares each row with each."""
    apart = outputs[:, None, :] - outputs[None, :, :]
    wanted = targets[:, None, :] - targets[None, :, :]
    return np.mean((apart - wanted) ** 2)


# Losses that look at rows and columns in other ways than row by row: one number each.
MIXING = {
    "pairs of outputs": pairs,
    "transposed": lambda z, t: np.mean(np.max(np.abs(z.T - t.T), axis=0)),
    "columns of targets": lambda z, t: np.mean(
        np.sum(((z - t) / (1 + np.max(np.abs(t.T), axis=1))) ** 2, axis=1)
    ),
    "reshaped": lambda z, t: np.mean((z.reshape(-1) - t.reshape(-1)) ** 2),
    "targets reshaped": lambda z, t: np.mean(z**2) * np.mean(np.abs(t.reshape(-1))),
    "pairs of targets": lambda z, t: (
        np.mean((z - t) ** 2) * np.mean(np.abs(t[:, None, :] - t[None, :, :]))
    ),
    "products of rows": lambda z, t: np.mean((z @ z.T - t @ t.T) ** 2),
    "products of targets": lambda z, t: np.mean((z - t) ** 2) * np.sum((t @ t.T) ** 2),
    "products of columns": lambda z, t: np.sum((z.T @ t - t.T @ t) ** 2),
    "differences of rows": lambda z, t: np.mean((z[1:] - z[:-1] - t[1:] + t[:-1]) ** 2),
    "reversed": lambda z, t: np.mean((z[::-1] * t - z) ** 2),
    "sums so far": lambda z, t: np.mean((np.cumsum(z, axis=0) - np.cumsum(t, axis=0)) ** 2),
    "standardized": lambda z, t: np.mean(((z - np.mean(z, axis=0)) / np.std(t, axis=0) - t) ** 2),
    "furthest": lambda z, t: np.max(np.sum((z - t) ** 2, axis=1)),
    "captured arrays": lambda z, t: np.mean((z - t) ** 2 @ FACTORS) + np.mean(z[:, PLACES] ** 2),
    "written": lambda z, t: np.mean((z - with_first(t, 0.5)) ** 2),
    "parts of a product": lambda z, t: np.mean(
        np.prod(1.2 + np.tanh(np.stack([z, 2 * z])), axis=(0, 2)) * t[:, 0]
    ),
    "weights of rows": lambda z, t: np.sum(nn.softmax(z[:, 0], axis=0) * np.abs(z - t)[:, 1]),
}


def quartic(W):
    """A penalty of one's own."""
    return 1e-2 * np.sum(W**4)


def columns_alike(W):
    """A penalty of one's own with reductions over both axes."""
    norms = np.sqrt(np.sum(W**2, axis=0) + 1e-3)
    return 1e-2 * np.sum((norms - np.mean(norms)) ** 2) + 1e-3 * np.max(np.abs(W))


def top_two(outputs, targets):
    """A metric of one's own: whether the class is among the two largest outputs."""
    right = np.sum(outputs * targets, axis=1, keepdims=True)
    return np.sum(outputs > right, axis=1) < 2


def margin(outputs, targets):
    """A metric of one's own."""
    return np.max(outputs, axis=1) - np.min(outputs, axis=1)


def net(*between, outputs=CLASSES, units=UNITS):
    """A layer, what stands between, a layer."""
    return pb.nn.Sequential(pb.nn.Dense(units), *between, pb.nn.Dense(outputs))


# What a class needs that has settings without a default.
RECIPES = {
    "Dense": lambda: pb.nn.Dense(4),
    "Activation": lambda: pb.nn.Activation(bump),
    "Dropout": lambda: pb.nn.Dropout(0.4),
}
LAYERS = {
    name: RECIPES.get(name, each)
    for name, each in vars(pb.nn).items()
    if isinstance(each, type) and hasattr(each, "apply") and name not in ("Layer", "Sequential")
}


def targets_of(loss):
    """Targets that a loss takes."""
    return {
        "distribution": LABELS,
        "fractions": FRACTIONS,
        "counts": COUNTS,
    }.get(loss.targets, SEVERAL)


def outputs_of(y):
    """The outputs that targets need."""
    return CLASSES if y is LABELS else np.reshape(y, (ROWS, -1)).shape[1]


def loss_run(loss, **settings):
    """A run with a loss."""
    y = targets_of(loss)
    return net(pb.nn.Tanh(), outputs=outputs_of(y)), y, {"loss": loss, **settings}


SGD = pb.optim.SGD(0.1)
ADAM = pb.optim.Adam(0.01)
RUNS = {}
OF_ACTIVATIONS = {type(layer()) for layer in ACTIVATIONS.values()}
for name, layer in LAYERS.items():
    if type(layer()) not in OF_ACTIVATIONS:
        RUNS[f"layer {name}"] = net(layer(), pb.nn.Tanh()), LABELS, {}
for name, layer in ACTIVATIONS.items():
    RUNS[f"activation {name}"] = net(layer()), LABELS, {"batch_size": "full"}
for name, loss in LOSSES.items():
    for reduction in ("sum", "mean"):
        made = loss(reduction=reduction)
        RUNS[f"loss {name} {reduction}"] = loss_run(made, optimizer=pb.optim.SGD(0.01))
    RUNS[f"loss {name} {reduction} weighted"] = loss_run(
        made, optimizer=pb.optim.SGD(0.01), sample_weight=WEIGHTS
    )
RULES = {
    **{name: rule(learning_rate=0.02) for name, rule in OPTIMIZERS.items()},
    "rmsprop centered": pb.optim.RMSProp(0.01, momentum=0.5, centered=True),
    "lion decayed": pb.optim.Lion(0.005, weight_decay=0.1),
    "decayed": pb.optim.Decayed(pb.optim.Nesterov(0.05), 0.01),
    "clipped by value": pb.optim.ClippedByValue(pb.optim.Momentum(0.3), 0.02),
    "clipped by norm": pb.optim.ClippedByNorm(pb.optim.SGD(0.3), 0.1),
    "averaged": pb.optim.Averaged(pb.optim.Adam(0.02), 0.9),
    "all around": pb.optim.Averaged(
        pb.optim.ClippedByNorm(
            pb.optim.ClippedByValue(pb.optim.Decayed(pb.optim.Adam(0.02), 0.01), 0.1), 0.2
        ),
        0.8,
    ),
}
for name, rule in RULES.items():
    RUNS[f"rule {name}"] = net(pb.nn.ReLU()), LABELS, {"optimizer": rule}
PENALTIES = {
    "L1": pb.losses.L1(1e-2),
    "L2": pb.losses.L2(1e-2),
    "elastic net": pb.losses.ElasticNet(1e-2, 0.5),
    "quartic": quartic,
    "columns alike": columns_alike,
}
for name, penalty in PENALTIES.items():
    RUNS[f"penalty {name}"] = net(pb.nn.Tanh()), LABELS, {"penalty": penalty}
REGIMES = {
    "full batch": {"batch_size": "full"},
    "one row": {"batch_size": 1},
    "last smaller": {"batch_size": 6},
    "larger than the data": {"batch_size": 64},
    "ordered": {"sampling": "ordered"},
    "replacement": {"sampling": "replacement"},
    "row weights": {"sample_weight": WEIGHTS, "batch_size": 7},
    "row weights full": {"sample_weight": WEIGHTS, "batch_size": "full"},
    "row without weight": {"sample_weight": WEIGHTS, "batch_size": 1},
    "batch without weight": {"sample_weight": WEIGHTLESS_BATCH, "sampling": "ordered"},
    "class weights": {"class_weight": {0: 0.0, 1: 1.0, 2: 2.5}},
    "balanced": {"class_weight": "balanced"},
    "seed": {"seed": 2**63 + 5},
    "schedule": {"schedule": pb.optim.Cosine()},
    "clip and average": {"clip_norm": 0.1, "clip_value": 0.05, "average": 0.9},
    "metrics": {"metrics": {"top_two": top_two, "margin": margin}},
    "scaled": {"scaling": "standard"},
    "held out": {"validation": 0.3},
}
for name, settings in REGIMES.items():
    RUNS[f"regime {name}"] = net(pb.nn.Tanh()), LABELS, settings
for name, loss in MIXING.items():
    RUNS[f"mixing {name}"] = net(pb.nn.Tanh(), outputs=2), SEVERAL, {"loss": loss}
RUNS |= {
    "custom activation": (net(bump), LABELS, {}),
    "custom loss": (net(pb.nn.Tanh(), outputs=2), SEVERAL, {"loss": cubic}),
    "custom loss weighted": (
        net(pb.nn.Tanh(), outputs=2),
        SEVERAL,
        {"loss": cubic, "sample_weight": WEIGHTS},
    ),
    "custom loss of all": (net(pb.nn.Tanh(), outputs=2), SEVERAL, {"loss": cosine}),
    "label smoothing": loss_run(pb.losses.CrossEntropy(label_smoothing=0.1)),
    "soft labels": (net(pb.nn.Tanh()), SOFT, {"loss": pb.losses.CrossEntropy()}),
    "soft labels relative": (net(pb.nn.Tanh()), SOFT, {"loss": pb.losses.RelativeEntropy()}),
    "soft labels smoothed": (
        net(pb.nn.Tanh()),
        SOFT,
        {"loss": pb.losses.CrossEntropy(label_smoothing=0.2), "sample_weight": WEIGHTS},
    ),
    "regression": (net(pb.nn.ReLU(), outputs=1), NUMBERS, {"loss": pb.losses.SquaredError()}),
    "regression scaled": (
        net(pb.nn.ReLU(), outputs=2),
        SEVERAL,
        {"loss": pb.losses.Huber(delta=0.3), "target_scaling": "standard", "scaling": "unit"},
    ),
    "regression metrics": (
        net(pb.nn.ReLU(), outputs=2),
        SEVERAL,
        {"loss": pb.losses.SquaredError(), "metrics": {"margin": margin}, "batch_size": 1},
    ),
    "binary": (net(pb.nn.ReLU(), outputs=2), LABELS % 2, {}),
    "linear": (pb.nn.Sequential(pb.nn.Dense(CLASSES)), LABELS, {}),
    "without bias": (
        pb.nn.Sequential(pb.nn.Dense(4, bias=False), pb.nn.ReLU(), pb.nn.Dense(3, bias=False)),
        LABELS,
        {"optimizer": ADAM},
    ),
    "one unit": (net(pb.nn.Tanh(), units=1), LABELS, {}),
    "one unit one output": (net(pb.nn.Tanh(), units=1, outputs=1), NUMBERS, {"loss": cubic}),
    "one column": (net(pb.nn.Tanh()), LABELS, {"columns": 1, "optimizer": ADAM}),
    "one of everything": (
        net(pb.nn.Sigmoid(), units=1, outputs=1),
        NUMBERS,
        {"loss": pb.losses.SquaredError(), "columns": 1, "batch_size": 1},
    ),
    "deep": (
        net(*[each for _ in range(3) for each in (pb.nn.ReLU(), pb.nn.Dense(4))]),
        LABELS,
        {"optimizer": ADAM},
    ),
    "all layers": (
        net(
            pb.nn.Tanh(),
            pb.nn.BatchNorm(),
            pb.nn.Dropout(0.2),
            pb.nn.Dense(4),
            pb.nn.LayerNorm(),
            pb.nn.RandomizedLeakyReLU(),
            pb.nn.Dense(5),
            pb.nn.PReLU(per="unit"),
        ),
        LABELS,
        {"optimizer": pb.optim.Momentum(0.05), "batch_size": 7, "penalty": pb.losses.L2(1e-2)},
    ),
    "norm at the end": (
        net(pb.nn.Tanh(), pb.nn.Dense(3), pb.nn.BatchNorm(epsilon=1e-3)),
        LABELS,
        {"sample_weight": WEIGHTS, "clip_norm": 0.2},
    ),
}


def prepared(name, dtype):
    """A run of the list in a dtype."""
    network, y, settings = RUNS[name]
    settings = {"batch_size": 8, "optimizer": SGD, "seed": 3, "epochs": 2, **settings}
    x = X[:, : settings.pop("columns", COLUMNS)]
    return pb.training.prepare(network, x, y, dtype=dtype, engine="reference", **settings)
