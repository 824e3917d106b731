"""The workloads by name, and the speed that is required over each peer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .workload import Workload

PYTORCH, JAX, SCIKIT = "pytorch", "jax", "scikit-learn"
SOFTMAX_ALONE = ("scikit-learn",)
"""scikit-learn has neither batch normalization nor dropout, nor other losses with such outputs."""


def required(pytorch: float, scikit: float = 0, jax: float = 0) -> dict[str, float]:
    """How many times as long as native each must take; 0 stands for no requirement."""
    ratios = {PYTORCH: pytorch, SCIKIT: scikit, JAX: jax}
    return {name: ratio for name, ratio in ratios.items() if ratio}


DEEP = Workload(
    name="deep",
    data="clusters",
    rows=4096,
    widths=(64, *[64] * 10, 10),
    batch=64,
    required=required(8, 6, 1.7),
    agreement=0.05,
)
MNIST = Workload(
    name="mnist-256",
    data="images",
    rows=12_800,
    widths=(784, 256, 10),
    batch=128,
    epochs=4,
    required=required(2, 6, 1.25),
    share=0.6,
    agreement=0.01,
    zeros=True,
)
WIDTHS = (32, 45, 46, 64, 128, 256)

ALL = (
    Workload(
        name="exponential",
        data="exponentials",
        rows=10_000,
        widths=(4, 32, 16, 4),
        activation="tanh",
        loss="squared-error",
        batch=10_000,
        epochs=200,
        required=required(6, jax=2.2),
        without=SOFTMAX_ALONE,
    ),
    Workload(
        name="small",
        data="clusters",
        rows=1024,
        widths=(20, 64, 2),
        epochs=50,
        required=required(35, 20, 2.5),
    ),
    Workload(
        name="digits",
        data="digits",
        rows=1797,
        widths=(64, 64, 10),
        epochs=20,
        required=required(25, 15, 1.8),
    ),
    Workload(
        name="one-row",
        data="clusters",
        rows=1024,
        widths=(20, 16, 2),
        rule="sgd",
        rate=0.01,
        batch=1,
        epochs=4,
        required=required(200, 120, 1.5),
        without=("autograd",),
    ),
    replace(MNIST, name="mnist-128", widths=(784, 128, 10)),
    MNIST,
    replace(
        MNIST,
        name="mnist-1024",
        widths=(784, 1024, 10),
        batch=512,
        epochs=3,
        required=required(1.3, jax=1.0),
        share=0.7,
    ),
    replace(
        MNIST,
        name="mnist-scaled",
        data="scaled-images",
        required=required(2, jax=1.25),
        zeros=False,
    ),
    DEEP,
    replace(
        DEEP,
        name="deep-rich",
        data="one-hot-clusters",
        loss="pseudo-huber",
        batch_norm=True,
        dropout=0.1,
        required=required(8, jax=1.7),
        agreement=0.1,
        without=SOFTMAX_ALONE,
    ),
    Workload(
        name="notes",
        data="normals",
        rows=64,
        widths=(1000, 100, 10),
        loss="squared-error",
        sums=True,
        rule="sgd",
        rate=1e-6,
        batch=64,
        epochs=500,
        bias=False,
        standard_normal=True,
        required=required(2.5, jax=1.3),
        floor=0.01,
        without=SOFTMAX_ALONE,
    ),
    *(
        Workload(
            name=f"width-{width}",
            data="noisy-copies",
            rows=12_800,
            widths=(10, width, width, 10),
            activation="none",
            loss="squared-error",
            batch=128,
            epochs=5,
            required=required(10, jax=1.7) if width in (45, 46) else {},
            without=SOFTMAX_ALONE,
        )
        for width in WIDTHS
    ),
)

WORKLOADS: Mapping[str, Workload] = {work.name: work for work in ALL}

QUICK = ("exponential", "small", "digits", "one-row", "width-45")
"""Those of the quick form, each with fewer rows or epochs: it shows how it runs."""

TINY = Workload(name="tiny", data="clusters", rows=96, widths=(5, 8, 3), batch=32, epochs=2)
"""So small that a test can afford it."""


def quick_form(work: Workload) -> Workload:
    """The workload, run briefly."""
    rows = min(work.rows, 256) if work.batch == 1 else work.rows
    return replace(work, rows=rows, epochs=min(work.epochs, 8 if work.batch >= work.rows else 2))
