"""From the words of a command to settings; each bad word is one sentence with what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import nn
from ..errors import UsageError, nearest
from ..losses.losses import LOSSES, Loss
from ..nn.layers import ACTIVATIONS
from ..optim import Optimizer
from ..optim.sgd import OPTIMIZERS
from ..training.settings import SCALINGS

NO_LAYER = "none"
REDUCTIONS = ("mean", "sum")
SCALING_CHOICES = ("auto", *SCALINGS, "none")
DTYPES = ("float32", "float64")
LARGEST_SEED = 2**64 - 1


@dataclass(frozen=True)
class Settings:
    """What the words of a command mean, as far as that is known without the data."""

    hidden: list[int]
    activation: Callable[[], Any]
    loss: Loss
    optimizer: Optimizer
    batch_size: int | str
    epochs: int
    seed: int
    held_out: float
    scaling: str
    dtype: str

    def network(self, outputs: int) -> nn.Sequential:
        """Dense layers with the activation between them; the last gives one output per class."""
        layers = [layer for units in self.hidden for layer in (nn.Dense(units), self.activation())]
        return nn.Sequential(*layers, nn.Dense(outputs))

    def scaling_of(self, images: bool) -> str | None:
        """'auto' divides images by their largest value and standardizes everything else."""
        if self.scaling == "auto":
            return "unit" if images else "standard"
        return None if self.scaling == "none" else self.scaling


def checked(words: Mapping[str, Any]) -> Settings:
    """The settings that the words of a command mean.

    Raises:
        UsageError: When a word is not allowed; one sentence that names the option.
    """
    return Settings(
        hidden=hidden_units(words["hidden"]),
        activation=ACTIVATIONS[one_of("--activation", words["activation"], ACTIVATIONS)],
        loss=loss(words["loss"], words["reduction"]),
        optimizer=optimizer(words["optimizer"], words["learning_rate"]),
        batch_size=rows_per_step(words["batch_size"]),
        epochs=whole("--epochs", words["epochs"], 1),
        seed=whole("--seed", words["seed"], 0, LARGEST_SEED),
        held_out=share("--held-out", words["held_out"]),
        scaling=one_of("--scaling", words["scaling"], SCALING_CHOICES),
        dtype=one_of("--dtype", words["dtype"], DTYPES),
    )


def one_of(option: str, word: str, allowed: Iterable[str]) -> str:
    """The word, when it is allowed; else `UsageError` with the allowed ones and the nearest."""
    choices = list(allowed)
    if word in choices:
        return word
    hint = nearest(word.lower(), choices)
    question = f" (did you mean {hint.split()[-1].strip('?')}?)" if hint else ""
    raise UsageError(f"{option} {word!r}: allowed are {', '.join(choices)}{question}.")


def hidden_units(words: list[str]) -> list[int]:
    """["64,32", "16"] -> [64, 32, 16]; ["none"] -> []."""
    parts = [part.strip() for word in words for part in word.split(",")]
    if parts == [NO_LAYER]:
        return []
    for part in parts:
        if not _is_count(part):
            raise UsageError(
                f"--hidden {part!r}: write the units of each hidden layer, such as 64 or 64,32, "
                f"or {NO_LAYER} for a linear model."
            )
    return [int(part) for part in parts]


def rows_per_step(word: str) -> int | str:
    """'full', or a whole number of at least 1."""
    if word == "full":
        return word
    if not _is_count(word):
        raise UsageError(
            f"--batch-size {word!r}: allowed are full and whole numbers of at least 1."
        )
    return int(word)


def whole(option: str, value: int, least: int, most: int | None = None) -> int:
    """The number, when it is in range."""
    if value < least:
        raise UsageError(f"{option} {value}: it must be a whole number of at least {least}.")
    if most is not None and value > most:
        raise UsageError(f"{option} {value}: it must be a whole number of at most {most}.")
    return value


def share(option: str, value: float) -> float:
    """The number, when it is between 0 and 1."""
    if not 0 < value < 1:
        raise UsageError(f"{option} {value:g}: it must be between 0 and 1, both excluded.")
    return value


def loss(name: str, reduction: str) -> Loss:
    """The loss of a name, with its reduction over rows."""
    make: Callable[..., Loss] = LOSSES[one_of("--loss", name, LOSSES)]
    return make(reduction=one_of("--reduction", reduction, REDUCTIONS))


def optimizer(name: str, rate: float | None) -> Optimizer:
    """The update rule of a name, with its learning rate or its own default."""
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise UsageError(f"--learning-rate {rate:g}: it must be a finite number above 0.")
    make: Callable[..., Optimizer] = OPTIMIZERS[one_of("--optimizer", name, OPTIMIZERS)]
    return make(learning_rate=rate)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) >= 1
