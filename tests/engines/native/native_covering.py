"""Ten runs in which each layer, activation, loss and update rule occurs at least once."""

import numpy as np
from native_networks import ACTIVATIONS, LAYERS, OF_ACTIVATIONS, cubic, quartic, top_two

import pullback as pb
from pullback.losses.losses import LOSSES
from pullback.optim import OPTIMIZERS

RANDOM = np.random.default_rng(17)
ROWS, COLUMNS = 45, 7
X = RANDOM.normal(size=(ROWS, COLUMNS))
LABELS = np.argmax(X[:, :3] + 0.5 * RANDOM.normal(size=(ROWS, 3)), axis=1)
NUMBERS = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2], X[:, 3]], axis=1)
WEIGHTS = np.where(np.arange(ROWS) % 5 == 0, 0.0, RANDOM.uniform(0.5, 2.0, ROWS))
COUNT = 10

RATES = {"sgd": 0.05, "momentum": 0.02, "nesterov": 0.02, "adadelta": 1.0, "lion": 0.002}
FURTHER = [
    {"sample_weight": WEIGHTS},
    {"clip_norm": 0.5, "sampling": "ordered"},
    {"average": 0.9, "batch_size": "full"},
    {"clip_value": 0.05, "penalty": quartic},
    {"sampling": "replacement", "schedule": pb.optim.Cosine()},
    {"batch_size": 1, "penalty": pb.losses.ElasticNet(1e-3, 0.5)},
]


def dealt(items, number):
    """The items that run `number` gets of a list that is dealt to all runs."""
    items = list(items)
    return items[number::COUNT] or [items[number % len(items)]]


def targets_of(loss):
    """Targets that a loss takes."""
    return {
        "distribution": LABELS,
        "fractions": (NUMBERS > 0).astype(float),
        "counts": RANDOM.poisson(np.exp(np.clip(NUMBERS, -1, 1))),
    }.get(getattr(loss, "targets", ""), NUMBERS)


MADE = {name: type(layer()) for name, layer in LAYERS.items()}
OTHERS = [name for name, made in MADE.items() if made not in OF_ACTIVATIONS]


def parts_of(number):
    """The names of the layers and activations, of the loss and of the rule of a run."""
    loss, rule = dealt(LOSSES, number)[0], dealt(OPTIMIZERS, number)[0]
    return dealt(OTHERS, number), dealt(ACTIVATIONS, number), loss, rule


def network_of(number):
    """The layers of a run: normalizations stand behind an activation, as they undo a bias."""
    layers, activations, *_ = parts_of(number)
    between = []
    for name in activations:
        between += [pb.nn.Dense(16), ACTIVATIONS[name]()]
    return pb.nn.Sequential(*between, *(LAYERS[name]() for name in layers), pb.nn.Dense(3))


def prepared(number):
    """A run of at least 50 steps; every other one in float32."""
    *_, loss, rule = parts_of(number)
    made = LOSSES[loss]()
    y, rate = targets_of(made), RATES.get(rule, 0.005)
    chosen = {"batch_size": 16, "metrics": {}, **FURTHER[number % len(FURTHER)]}
    if y is LABELS:
        chosen["metrics"] = {"top_two": top_two}
    elif number >= len(LOSSES):
        made = cubic
    dtype = "float32" if number % 2 else "float64"
    epochs = {"full": 50, 1: 2}.get(chosen["batch_size"], 17)
    return pb.training.prepare(
        network_of(number), X, y, loss=made, optimizer=OPTIMIZERS[rule](learning_rate=rate),
        dtype=dtype, seed=number, epochs=epochs, engine="reference", **chosen,
    )  # fmt: skip
