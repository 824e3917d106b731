"""From nothing to a trained model: a fresh process, imports included, twenty epochs of digits."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from .data import DATA
from .results import Task, Timed
from .rounds import Effort
from .workloads import WORKLOADS

PEERS = ("scikit-learn",)
EPOCHS = 20
LEAST_ACCURACY = 0.9
"""Of the training rows; the two shuffle them otherwise, so their losses are not compared."""

OURS = """
import sys, numpy as np, pullback as pb
data = np.load(sys.argv[1])
net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(10))
rule = pb.optim.Adam(1e-3)
run = pb.train(net, data["X"], data["y"], optimizer=rule, batch_size=32, epochs=int(sys.argv[2]))
print(run.history[-1]["accuracy"])
"""

SCIKIT = """
import sys, warnings, numpy as np
from sklearn.neural_network import MLPClassifier
warnings.simplefilter("ignore")
data = np.load(sys.argv[1])
model = MLPClassifier((64,), alpha=0.0, batch_size=32, max_iter=int(sys.argv[2]))
print(model.fit(data["X"], data["y"]).score(data["X"], data["y"]))
"""

Told = tuple[float, float] | str
"""Seconds and accuracy of a process, or why it failed."""

NAMES = {"empty": "pullback, empty cache", "warm": "pullback, warm cache"}


def tasks_of(peers: Sequence[str] = PEERS, epochs: int = EPOCHS) -> dict[str, Task]:
    """What is measured, and nothing measured yet: the state of the cache -> the task."""
    return {
        state: Task(
            name=f"cold-{state}",
            title=f"fresh process to trained digits model, {epochs} epochs, {state} cache",
            unit="process",
            required=dict.fromkeys(peers, 1.0),
            engines=[Timed(name), *map(Timed, peers)],
            ours=(name,),
        )
        for state, name in NAMES.items()
    }


def measure(
    engines: list[str],
    effort: Effort,
    epochs: int = EPOCHS,
    on_round: Callable[[str], None] = lambda text: None,
    keep: Callable[[Task], None] = lambda task: None,
) -> None:
    """Two tasks, one for each state of the cache; arguments as `rounds.measure`.

    scikit-learn is measured once a round, for both.
    """
    peers = [peer for peer in PEERS if peer in engines]
    tasks = tasks_of(peers, epochs)
    for task in tasks.values():
        keep(task)
    with tempfile.TemporaryDirectory() as folder:
        X, y = DATA["digits"](WORKLOADS["digits"])
        data = Path(folder) / "digits.npz"
        np.savez(data, X=X, y=y)
        warm = Path(folder) / "warm"
        on_round("cold: the warm cache is filled")
        _run(OURS, data, epochs, warm)
        for number in range(effort.rounds):
            on_round(f"cold: round {number + 1} of {effort.rounds}")
            caches = {"empty": Path(folder) / f"empty-{number}", "warm": warm}
            for state, task in tasks.items():
                _add(task, 0, _run(OURS, data, epochs, caches[state]))
            if peers:
                told = _run(SCIKIT, data, epochs, warm)
                for task in tasks.values():
                    _add(task, 1, told)


def _add(task: Task, place: int, told: Told) -> None:
    timed = task.engines[place]
    if isinstance(told, str):
        task.problems.append(f"{timed.engine}: {told}")
        return
    seconds, accuracy = told
    timed.rounds.append(seconds)
    if accuracy < LEAST_ACCURACY:
        task.problems.append(f"{timed.engine} reaches an accuracy of {accuracy:.2f} only.")


def _run(code: str, data: Path, epochs: int, cache: Path) -> Told:
    """Seconds of a process from its start to its end, and the accuracy that it prints."""
    folders = {"PULLBACK_CACHE_DIR": str(cache), "NUMBA_CACHE_DIR": str(cache)}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, str(data), str(epochs)],
        env={**os.environ, **folders},
        check=False,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        return f"its process failed ({done.stderr.strip().splitlines()[-1][:200]})."
    return seconds, float(done.stdout)
