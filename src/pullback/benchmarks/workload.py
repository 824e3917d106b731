"""What is measured: data, network, loss, update rule, batch, and the ratios to reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..lazy import cached_property
from ..losses import CrossEntropy, SquaredError
from ..nn import BatchNorm, Dense, Dropout, ReLU, Sequential, Tanh, normal
from ..optim import SGD, Adam
from ..training import Prepared, prepare
from .data import DATA
from .evaluation import mean_loss

SEED = 0
DTYPE = np.dtype("f4")

ACTIVATIONS: dict[str, Callable[[], Any] | None] = {"relu": ReLU, "tanh": Tanh, "none": None}


@dataclass(frozen=True)
class Workload:
    """A training task that every engine does alike; plain data.

    Attributes:
        name: How it is asked for.
        data: A name in `DATA`.
        rows: Of the data.
        widths: Input columns, hidden units, outputs.
        activation: "relu", "tanh" or "none", after each hidden layer.
        loss: "cross-entropy", "squared-error" (its columns are summed), or "pseudo-huber", a NumPy
            function.
        sums: Whether the loss is a sum over rows instead of a mean.
        rule: "adam" or "sgd".
        rate: The learning rate.
        batch: Rows of a step; the last one of an epoch may have fewer.
        epochs: Of a run. Every run begins at the same weights; its first epoch is not timed.
        bias: Whether layers have a bias.
        standard_normal: Whether weights begin with standard deviation 1, else as their layer does.
        batch_norm: Whether batch normalization follows each hidden product.
        dropout: The rate of dropout after each hidden layer.
        required: Engine -> how many times as long as native it must at least take.
        share: The least share of the machine's limit to reach; 0 for none.
        agreement: The largest relative difference of two engines' last losses.
        floor: A difference of losses that does not count: rounding in float32.
        without: Engines that cannot do it.
        zeros: Whether most inputs are 0: products may leave these out, the limit counts them.
        folder: Where the files of MNIST lie, for images; they are drawn where there is none.
    """

    name: str
    data: str
    rows: int
    widths: tuple[int, ...]
    activation: str = "relu"
    loss: str = "cross-entropy"
    sums: bool = False
    rule: str = "adam"
    rate: float = 1e-3
    batch: int = 32
    epochs: int = 6
    bias: bool = True
    standard_normal: bool = False
    batch_norm: bool = False
    dropout: float = 0.0
    required: Mapping[str, float] = field(default_factory=dict)
    share: float = 0.0
    agreement: float = 1e-3
    floor: float = 0.0
    without: tuple[str, ...] = ()
    zeros: bool = False
    folder: str = ""

    @property
    def title(self) -> str:
        """In words: 1,024 x 20-64-2, batch 32, adam."""
        widths, rows = "-".join(map(str, self.widths)), f"{self.rows:,}"
        hidden = self.widths[1:-1]
        if len(hidden) > 3 and len(set(hidden)) == 1:
            widths = f"{self.widths[0]}-({hidden[0]} x {len(hidden)})-{self.widths[-1]}"
        batch = "full batch" if self.batch >= self.rows else f"batch {self.batch}"
        parts = [f"{rows} x {widths}", batch, self.rule]
        parts += ["columns scaled" if self.data == "scaled-images" else ""]
        parts += ["" if self.activation == "relu" else f"activation {self.activation}"]
        parts += ["batch norm" if self.batch_norm else "", "dropout" if self.dropout else ""]
        parts += ["" if self.loss == "cross-entropy" else self.loss]
        return ", ".join(filter(None, parts))

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.rows // self.batch)

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        pairs = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        per_unit = int(self.bias) * sum(self.widths[1:])
        per_unit += 2 * int(self.batch_norm) * sum(self.widths[1:-1])
        return sum(a * b for a, b in pairs) + per_unit

    @property
    def flops(self) -> int:
        """Of the products of an epoch: forward, dW, and dX of each layer but the first.

        2 rows (a b) for a product of (rows, a) and (a, b).
        """
        pairs = list(zip(self.widths[:-1], self.widths[1:], strict=True))
        sizes = [a * b for a, b in pairs]
        return 2 * self.rows * (3 * sum(sizes) - sizes[0])

    @property
    def row_bytes(self) -> int:
        """Of the rows and their targets, which an epoch reads once."""
        columns = self.widths[0] + (1 if self.loss == "cross-entropy" else self.widths[-1])
        return DTYPE.itemsize * self.rows * columns

    @property
    def variable_bytes(self) -> int:
        """Of the learned numbers and the update rule's own (Adam: two for each), which each step
        reads and writes once.
        """
        return DTYPE.itemsize * self.parameters * (3 if self.rule == "adam" else 1)

    def limit_seconds(self, limit: Mapping[str, Any]) -> float:
        """What an epoch takes at least on a machine, from what `limit.measured` told of it.

        flops / peak + row bytes / bandwidth + 2 steps * variable bytes / bandwidth, each bandwidth
        that of memory, or of the cache that holds so many bytes. Activations count as staying in
        registers, and all that is no product as free.
        """
        variables = 2 * self.steps * self.variable_bytes
        return float(
            self.flops / limit["flops_per_second"]
            + self.row_bytes / bandwidth(limit, self.row_bytes)
            + variables / bandwidth(limit, self.variable_bytes)
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> Workload:
        """What `to_json` gave."""
        lists = {"widths": tuple(told["widths"]), "without": tuple(told["without"])}
        return Workload(**{**told, **lists})


def bandwidth(limit: Mapping[str, Any], size: int) -> float:
    """Bytes per second of the smallest triad that was measured and is as large as `size`."""
    measured = sorted(limit["bandwidths"])
    return float(next((rate for most, rate in measured if most >= size), measured[-1][1]))


def pseudo_huber(outputs: Any, targets: Any) -> Any:
    """sum_j sqrt(1 + (outputs_ij - targets_ij)^2) - 1: squared near 0, absolute far away."""
    return np.sum(np.sqrt(1.0 + (outputs - targets) ** 2) - 1.0, axis=1)


@dataclass(frozen=True)
class Case:
    """A workload with its arrays, the same ones for each engine.

    Attributes:
        workload: What is done.
        X: float32 of shape (rows, columns).
        y: int64 labels of shape (rows,), or float32 targets of shape (rows, outputs).
    """

    workload: Workload
    X: Any
    y: Any

    @staticmethod
    def of(workload: Workload) -> Case:
        """The workload's data are drawn anew, always the same."""
        X, y = DATA[workload.data](workload)
        return Case(workload, X, y)

    def prepared(self, **settings: Any) -> Prepared:
        """The project's own training run of the case, before its first step."""
        work = self.workload
        rate: Any = Adam(work.rate) if work.rule == "adam" else SGD(work.rate)
        losses = {
            "cross-entropy": CrossEntropy(),
            "squared-error": SquaredError("sum" if work.sums else "mean"),
            "pseudo-huber": pseudo_huber,
        }
        return prepare(
            network(work),
            self.X,
            self.y,
            loss=losses[work.loss],
            optimizer=rate,
            batch_size="full" if work.batch >= work.rows else work.batch,
            sampling="ordered",
            seed=SEED,
            **{"epochs": work.epochs, **settings},
        )

    @cached_property
    def params(self) -> dict[str, Any]:
        """Where every engine begins: the project's own initial values, float32 by name."""
        return self.prepared().problem.params

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The initial values layer by layer: W, b, gamma, beta, as far as a layer has them."""
        count = len(self.workload.widths) - 1
        return [
            {
                kind: self.params[f"{kind}{number}"]
                for kind in ("W", "b", "gamma", "beta")
                if f"{kind}{number}" in self.params
            }
            for number in range(1, count + 1)
        ]

    def loss(self, layers: list[dict[str, Any]]) -> float:
        """The mean loss of all rows, in float64, of parameters as `layers` has them."""
        return mean_loss(self.workload, self.X, self.y, layers)


def network(work: Workload) -> Sequential:
    """The network of a workload."""
    start = normal(1.0) if work.standard_normal else None
    activation = ACTIVATIONS[work.activation]
    layers: list[Any] = []
    for units in work.widths[1:-1]:
        layers.append(Dense(units, bias=work.bias, weights=start))
        layers += [BatchNorm()] if work.batch_norm else []
        layers += [] if activation is None else [activation()]
        layers += [Dropout(work.dropout)] if work.dropout else []
    return Sequential(*layers, Dense(work.widths[-1], bias=work.bias, weights=start))
