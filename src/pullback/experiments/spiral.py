"""Three spiral arms: what a hidden layer can that a linear classifier cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..data.synthetic import spiral
from ..diagnosis import diagnose
from ..losses.penalties import L2
from ..nn import Dense, ReLU, Sequential
from ..nn.initializers import normal
from ..optim import SGD
from ..training import Run, prepare
from .report import OnProgress, Report, Table, spread

QUESTION = "What does a hidden layer add to a linear classifier?"
SETTINGS: Mapping[str, Any] = {
    "seeds": [0, 1, 2],
    "rows": 100,
    "hidden": 100,
    "linear_epochs": 200,
    "epochs": 10_000,
    "learning_rate": 1.0,
    "penalty": 1e-3,
    "grid": 160,
}
QUICK: Mapping[str, Any] = {"seeds": [0], "epochs": 300, "grid": 20}

EXTENT = 1.25


def run(settings: Mapping[str, Any], on_progress: OnProgress) -> Report:
    """Train both classifiers on the full batch, from small random weights, for each seed."""
    results: dict[str, list[dict[str, Any]]] = {"linear": [], "network": []}
    regions: dict[str, Any] = {}
    done, parts = 0, 2 * len(settings["seeds"])
    small = normal(0.01)
    hidden = [Dense(settings["hidden"], weights=small), ReLU()]
    layers = {"linear": [], "network": hidden}
    for seed in settings["seeds"]:
        data = spiral(settings["rows"], seed=seed)
        for name, between in layers.items():
            net = Sequential(*between, Dense(3, weights=small))
            epochs = settings["epochs" if between else "linear_epochs"]
            trained = _trained(net, data, epochs, seed, settings)
            results[name].append(_result(trained, data))
            if seed == settings["seeds"][0]:
                regions[name] = _regions(trained, settings["grid"])
            done += 1
            on_progress(done, parts)
    first = spiral(settings["rows"], seed=settings["seeds"][0])
    numbers = {
        "results": results,
        "regions": regions,
        "points": {"x": first.X.tolist(), "label": first.y.tolist()},
    }
    return Report("spiral", dict(settings), numbers, (_table(results),), _seen(results))


def _trained(
    net: Sequential, data: Any, epochs: int, seed: int, settings: Mapping[str, Any]
) -> Run:
    ready = prepare(
        net,
        data.X,
        data.y,
        optimizer=SGD(settings["learning_rate"]),
        penalty=L2(settings["penalty"]),
        batch_size="full",
        epochs=epochs,
        seed=seed,
        dtype="float64",
    )
    return ready.run()


def _result(trained: Run, data: Any) -> dict[str, Any]:
    accuracy = float(np.mean(trained.model.predict(data.X) == data.y))
    losses = [record["loss"] for record in trained.history]
    thinned = {
        int(e): losses[e] for e in np.unique(np.geomspace(1, len(losses) - 1, 60).astype(int))
    }
    result = {"accuracy": accuracy, "loss": losses[-1], "first_loss": losses[0], "losses": thinned}
    if len(trained.model.layers) > 1:
        dead = diagnose(trained, data.X, data.y)["dead units"].numbers
        result["dead_units"] = sum((dead or {}).values())
    return result


def _regions(trained: Run, grid: int) -> list[list[int]]:
    """The class predicted at each point of a square grid."""
    line = np.linspace(-EXTENT, EXTENT, grid)
    points = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    regions: list[list[int]] = trained.model.predict(points).reshape(grid, grid).tolist()
    return regions


def _table(results: Mapping[str, Any]) -> Table:
    rows = []
    for name, found in results.items():
        dead = [r["dead_units"] for r in found if "dead_units" in r]
        rows.append(
            (
                name,
                spread([r["accuracy"] for r in found]),
                spread([r["loss"] for r in found], 4),
                spread(dead) if dead else "-",
            )
        )
    return Table(
        "median over seeds [smallest, largest]",
        ("classifier", "accuracy", "loss with penalty", "dead hidden units"),
        tuple(rows),
    )


def _seen(results: Mapping[str, Any]) -> str:
    linear = float(np.median([r["accuracy"] for r in results["linear"]]))
    network = float(np.median([r["accuracy"] for r in results["network"]]))
    dead = max(r["dead_units"] for r in results["network"])
    if network > linear:
        why = "because straight borders cannot follow the arms and a hidden layer bends them"
    else:
        why = "so its hidden layer has not learned to bend the borders along the arms"
    return (
        f"A linear softmax puts {linear:.0%} of the points right, a network with one hidden layer "
        f"{network:.0%}, {why}. "
        f"At most {dead} hidden units ended dead on every training point, because nothing pulls a "
        "ReLU back once all its inputs are negative."
    )
