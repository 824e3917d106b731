"""The arrays of the workloads: drawn from a seed, or real ones that scikit-learn ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .workload import Workload

SEED = 1


def _random() -> np.random.Generator:
    return np.random.default_rng(SEED)


def clusters(work: Workload) -> tuple[Any, Any]:
    """Rows around a random centre for each class: float32 (rows, columns), int64 (rows,)."""
    random, columns, classes = _random(), work.widths[0], work.widths[-1]
    centres = random.standard_normal((classes, columns), np.float32)
    labels = random.permutation(np.arange(work.rows) % classes)
    noise = random.standard_normal((work.rows, columns), np.float32)
    return centres[labels] + noise, _mistaken(random, labels, classes)


def images(work: Workload) -> tuple[Any, Any]:
    """Images of MNIST divided by 255, four of five values 0, if the workload names a folder.

    Without one, rows that have as many zeros, though not about a drawing: values in [0, 1).
    """
    if work.folder:
        return _mnist(work)
    random, columns, classes = _random(), work.widths[0], work.widths[-1]
    labels = random.permutation(np.arange(work.rows) % classes)
    drawn = random.random((classes, columns), np.float32) < 0.2
    inks = random.random((work.rows, columns), np.float32)
    X = np.where(drawn[labels], inks, 0).astype(np.float32)
    return X, _mistaken(random, labels, classes)


def _mnist(work: Workload) -> tuple[Any, Any]:
    """The first training images, from the start again where there are too few."""
    from ..data import read_idx_folder

    data = read_idx_folder(work.folder)
    chosen = np.arange(work.rows) % len(data.X)
    return data.X[chosen] / np.float32(255), np.asarray(data.y)[chosen]


def scaled_images(work: Workload) -> tuple[Any, Any]:
    """`images`, each column with mean 0 and standard deviation 1: zeros only where it is constant.

    A product then has nothing to leave out.
    """
    X, labels = images(work)
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread > 0, spread, np.float32(1)), labels


def _mistaken(random: np.random.Generator, labels: Any, classes: int) -> Any:
    """The labels, one of ten drawn anew: a loss that nears 0 would be hard to compare."""
    drawn = random.integers(0, classes, len(labels))
    return np.where(random.random(len(labels)) < 0.1, drawn, labels)


def one_hot_clusters(work: Workload) -> tuple[Any, Any]:
    """`clusters` with the labels as float32 targets (rows, classes) of zeros and ones."""
    X, labels = clusters(work)
    return X, np.eye(work.widths[-1], dtype=np.float32)[labels]


def digits(work: Workload) -> tuple[Any, Any]:
    """The 1,797 handwritten digits that scikit-learn ships, divided by 16."""
    from ..data import load_builtin

    data = load_builtin("digits")
    return (data.X / 16)[: work.rows], np.asarray(data.y)[: work.rows]


def exponentials(work: Workload) -> tuple[Any, Any]:
    """Standard normal 2 x 2 matrices, and their matrix exponentials.

    Source: the workload of SimpleChains.jl's announcement (2022-04-14).
    """
    X = _random().standard_normal((work.rows, 4))
    y = np.array([exponential(row.reshape(2, 2)).ravel() for row in X])
    return X.astype(np.float32), y.astype(np.float32)


def exponential(matrix: Any) -> Any:
    """exp(A) = exp(A / 2^k)^(2^k), whose inner one is its Taylor series; float64."""
    squarings = max(0, int(np.ceil(np.log2(max(np.abs(matrix).sum(), 1e-30)))) + 1)
    term = result = np.eye(len(matrix))
    for k in range(1, 19):
        term = term @ matrix / 2**squarings / k
        result = result + term
    for _ in range(squarings):
        result = result @ result
    return result


def normals(work: Workload) -> tuple[Any, Any]:
    """Standard normal rows and targets, which the notes' program fits."""
    random = _random()
    X = random.standard_normal((work.rows, work.widths[0]), np.float32)
    return X, random.standard_normal((work.rows, work.widths[-1]), np.float32)


def noisy_copies(work: Workload) -> tuple[Any, Any]:
    """Standard normal rows; each target is its row with a hundredth of noise.

    Source: the program of pytorch/pytorch issue 144633.
    """
    random = _random()
    X = random.standard_normal((work.rows, work.widths[0]), np.float32)
    return X, X + np.float32(0.01) * random.standard_normal(X.shape, np.float32)


DATA: Mapping[str, Callable[[Workload], tuple[Any, Any]]] = {
    "clusters": clusters,
    "images": images,
    "scaled-images": scaled_images,
    "one-hot-clusters": one_hot_clusters,
    "digits": digits,
    "exponentials": exponentials,
    "normals": normals,
    "noisy-copies": noisy_copies,
}
"""By the name that a workload has for them."""
