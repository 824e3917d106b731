"""The engines that are compared: this project's two, and the peers, each as its expert writes it.

An engine's module is imported in a worker process alone, since it imports its library.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from .protocol import Engine, Trained

__all__ = ["ENGINES", "OURS", "Engine", "Trained", "engine", "missing"]

OURS = ("native", "reference")

ENGINES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "native": ("ours", ("numba",)),
    "reference": ("ours", ()),
    "pytorch": ("pytorch", ("torch",)),
    "jax": ("jax_scan", ("jax",)),
    "jax-run": ("jax_scan", ("jax",)),
    "scikit-learn": ("scikit", ("sklearn",)),
    "autograd": ("autograd_numpy", ("autograd",)),
    "onnxruntime": ("onnx_session", ("onnx", "onnxruntime")),
}
"""Engine -> its module here, and the libraries that it needs."""


def engine(name: str) -> Engine:
    """The engine of a name; raises `ImportError` when its library is not installed."""
    module, _ = ENGINES[name]
    return cast(Engine, import_module(f".{module}", __name__).engine(name))


def missing(name: str) -> list[str]:
    """The libraries that an engine needs and that are not installed."""
    return [library for library in ENGINES[name][1] if find_spec(library) is None]
