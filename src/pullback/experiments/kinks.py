"""What slope the same function has at 0 when it is spelled in different ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..differentiate import grad
from ..nn import relu, softplus
from .report import OnProgress, Report, Table, spread

QUESTION = "Which slope does a kink have, and why does it matter for a start at zero?"
SETTINGS: Mapping[str, Any] = {"seeds": [0, 1, 2], "rows": 200, "learning_rate": 0.5}
QUICK: Mapping[str, Any] = {"rows": 40, "seeds": [0]}

RELUS: Mapping[str, Callable[[Any], Any]] = {
    "np.maximum(x, 0)": lambda x: np.maximum(x, 0),
    "pb.nn.relu(x)": relu,
    "x * (x > 0)": lambda x: x * (x > 0),
    "np.where(x > 0, x, 0)": lambda x: np.where(x > 0, x, 0),
    "np.where(x >= 0, x, 0)": lambda x: np.where(x >= 0, x, 0),
    "np.clip(x, 0, np.inf)": lambda x: np.clip(x, 0, np.inf),
    "(x + np.abs(x)) / 2": lambda x: (x + np.abs(x)) / 2,
    "np.maximum(x, zeros)": lambda x: np.maximum(x, np.zeros_like(x)),
}
"""Spellings of the same ReLU."""

CROSS_ENTROPIES: Mapping[str, Callable[[Any, Any], Any]] = {
    "softplus(z) - y z": lambda z, y: softplus(z) - y * z,
    "np.logaddexp(0, z) - y z": lambda z, y: np.logaddexp(0, z) - y * z,
    "max(z, 0) - y z + log1p(exp(-|z|))": lambda z, y: (
        np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    ),
}
"""Spellings of the same binary cross-entropy of a logit z and a label y, smooth everywhere."""

RECORDED: tuple[tuple[str, str, float], ...] = (
    ("torch.relu(x); x * (x > 0)", "PyTorch 2.13", 0.0),
    ("torch.clamp(x, min=0); torch.where(x < 0, 0, x)", "PyTorch 2.13", 1.0),
    ("torch.maximum(x, zeros)", "PyTorch 2.13", 0.5),
    ("jax.nn.relu(x); jnp.where(x > 0, x, 0)", "JAX 0.10", 0.0),
    ("jnp.where(x >= 0, x, 0)", "JAX 0.10", 1.0),
    ("jnp.maximum(x, 0); jnp.clip(x, 0)", "JAX 0.10", 0.5),
)
"""relu'(0) of other libraries: facts recorded from those versions, not measured here."""

RECORDED_CROSS_ENTROPIES: tuple[tuple[str, str, float], ...] = (
    ("with torch.relu(z)", "PyTorch 2.13", -1.0),
    ("with jax.nn.relu(z)", "JAX 0.10", -1.5),
    ("with jnp.maximum(z, 0)", "JAX 0.10", -1.0),
)
"""The slope of the third spelling at z = 0 for y = 1 there; the true one is -1/2."""


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Derive the slopes at 0, and take a first step from zero weights."""
    relus = {text: float(grad(spelled)(0.0)) for text, spelled in RELUS.items()}
    on_progress(1, 3)
    slopes = {
        text: float(grad(lambda z, f=spelled: f(z, 1.0))(0.0))
        for text, spelled in CROSS_ENTROPIES.items()
    }
    on_progress(2, 3)
    starts = [_first_steps(seed, settings) for seed in settings["seeds"]]
    on_progress(3, 3)
    numbers = {"relu": relus, "cross_entropy": slopes, "first_step": starts}
    return Report("kinks", dict(settings), numbers, _tables(numbers), _seen(numbers))


def _first_steps(seed: int, settings: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Gradient and loss of one step of a linear classifier that begins with zero weights."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(settings["rows"], 3))
    y = (x @ np.array([1.0, -2.0, 0.5]) > 0).astype(np.float64)
    found = {}
    for text, spelled in CROSS_ENTROPIES.items():

        def loss(w: Any, f: Callable[[Any, Any], Any] = spelled) -> Any:
            return np.mean(f(x @ w, y))

        gradient = grad(loss)(np.zeros(3))
        found[text] = {
            "gradient_norm": float(np.linalg.norm(gradient)),
            "loss_after": float(loss(-settings["learning_rate"] * gradient)),
        }
    return found


def _tables(numbers: Mapping[str, Any]) -> tuple[Table, ...]:
    here = [(text, "here", f"{slope:g}") for text, slope in numbers["relu"].items()]
    there = [(text, where, f"{slope:g}") for text, where, slope in RECORDED]
    smooth = [(text, "here", f"{slope:g}") for text, slope in numbers["cross_entropy"].items()]
    recorded = [(text, where, f"{slope:g}") for text, where, slope in RECORDED_CROSS_ENTROPIES]
    first = numbers["first_step"]
    steps = [
        (text, *(spread([of[text][what] for of in first], 4) for what in first[0][text]))
        for text in CROSS_ENTROPIES
    ]
    return (
        Table(
            "relu'(0) of eight spellings here, and recorded from other libraries",
            ("spelling", "where", "slope at 0"),
            tuple(here + there),
        ),
        Table(
            "slope of the binary cross-entropy at z = 0 for y = 1; the true one is -0.5",
            ("spelling", "where", "slope at 0"),
            tuple(smooth + recorded),
        ),
        Table(
            "one step from zero weights, where every logit is 0",
            ("spelling", "gradient norm", "loss after it"),
            tuple(steps),
        ),
    )


def _seen(numbers: Mapping[str, Any]) -> str:
    relu_slopes = sorted(set(numbers["relu"].values()))
    smooth = sorted(set(numbers["cross_entropy"].values()))
    listed = ", ".join(f"{slope:g}" for slope in relu_slopes)
    same = len(smooth) == 1
    if same:
        told = f"all spellings of the cross-entropy have the slope {smooth[0]:g} at 0"
    else:
        told = (
            f"the spellings of the cross-entropy have slopes from {smooth[0]:g} to {smooth[-1]:g}"
        )
    return (
        f"The same ReLU has the slopes {listed} at 0, one for each way of writing it, because a "
        "kink has no derivative and every spelling brings its own convention. "
        f"A classifier with zero weights begins with all its logits at 0: {told}, and where "
        "they differ from the true -0.5 the first step has the wrong length."
    )
