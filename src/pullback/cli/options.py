"""From the words of a command to settings; each bad word is one sentence with what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import nn
from ..engines.choice import ENGINES
from ..errors import UsageError
from ..losses import ElasticNet, Loss, Penalty
from ..losses.penalties import PENALTIES, as_penalty
from ..nn.initializers import INITIALIZERS
from ..nn.layers import ACTIVATIONS
from ..optim import LBFGS, OPTIMIZERS, SCHEDULES, Decayed
from ..training import Callback, EarlyStopping, ReduceOnPlateau
from ..training.settings import SAMPLINGS, SCALINGS
from .named import Own, Registry, called, made, one_of
from .task import TASKS, loss_of

if TYPE_CHECKING:
    from .command import Command

NONE = "none"
SCALING_CHOICES = ("auto", *SCALINGS, NONE)
DTYPES = ("float32", "float64")
CLASS_WEIGHTS = ("balanced",)
LARGEST_SEED = 2**64 - 1

RULES: Registry = {**OPTIMIZERS, "lbfgs": LBFGS}
PENALTY_CHOICES: Registry = {**PENALTIES, "elastic-net": ElasticNet}
NORMALIZATIONS: Registry = {NONE: nn.Identity, "batch": nn.BatchNorm, "layer": nn.LayerNorm}
WEIGHTS: Registry = {
    **{name: partial(lambda chosen: chosen, name) for name in INITIALIZERS},
    "normal": nn.normal,
    "uniform": nn.uniform,
}
"""What makes initial weights: a name that `Dense` knows, or a function of a scale."""

__all__ = ["SAMPLINGS", "Settings", "checked", "hidden_units"]


@dataclass(frozen=True)
class Settings:
    """What the words of a command mean, as far as that is known without the data.

    Attributes:
        hidden: The layers in front of the last one.
        weights: How the weights of the last one start; None for what suits it.
        training: What `prepare` takes by name.
        callbacks: Those that steer the run.
        validation: The share of the training rows that is held out to watch.
        held_out: The share of all rows that is held out to test.
        scaling: How inputs are scaled: one of `SCALING_CHOICES`.
        target_scaling: How targets are scaled: one of `SCALING_CHOICES`.
        checkpoint_every: Seconds between two checkpoints.
    """

    hidden: list[Any]
    weights: Any
    training: Mapping[str, Any]
    callbacks: list[Callback]
    validation: float | None
    held_out: float
    scaling: str
    target_scaling: str
    checkpoint_every: float

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return int(self.training["seed"])

    def network(self, outputs: int) -> nn.Sequential:
        """The hidden layers, and a last one with so many outputs."""
        return nn.Sequential(*self.hidden, nn.Dense(outputs, weights=self.weights))

    def scaling_of(self, images: bool) -> str | None:
        """'auto' divides images by their largest value and standardizes everything else."""
        if self.scaling == "auto":
            return "unit" if images else "standard"
        return None if self.scaling == NONE else self.scaling

    def target_scaling_of(self, loss: Loss, labelled: bool) -> str | None:
        """'auto' standardizes numbers; labels, shares and counts stay as they are."""
        if self.target_scaling == "auto":
            return "standard" if loss.targets == "numbers" and not labelled else None
        return None if self.target_scaling == NONE else self.target_scaling


def checked(words: Command) -> Settings:
    """The settings that the words of a command mean.

    Raises:
        UsageError: When a word is not allowed; one sentence that names the option.
    """
    weights = initial_weights(words)
    one_of("--task", words.task, TASKS)
    loss_of(words)
    return Settings(
        hidden=hidden_layers(words, weights),
        weights=weights,
        training=_training(words),
        callbacks=_callbacks(words),
        validation=_optional(share, "--validation", words.validation),
        held_out=share("--held-out", words.held_out),
        scaling=one_of("--scaling", words.scaling, SCALING_CHOICES),
        target_scaling=one_of("--target-scaling", words.target_scaling, SCALING_CHOICES),
        checkpoint_every=at_least_0("--checkpoint-every", words.checkpoint_every),
    )


def _training(words: Command) -> dict[str, Any]:
    """What `prepare` takes by name, apart from what depends on the data."""
    return {
        "optimizer": rule(words),
        "schedule": schedule(words),
        "batch_size": rows_per_step(words.batch_size),
        "accumulate": whole("--accumulate", words.accumulate, 1),
        "sampling": one_of("--sampling", words.sampling, SAMPLINGS),
        "epochs": whole("--epochs", words.epochs, 1),
        "seed": whole("--seed", words.seed, 0, LARGEST_SEED),
        "penalty": penalty(words),
        "clip_value": _optional(above_0, "--clip-value", words.clip_value),
        "clip_norm": _optional(above_0, "--clip-norm", words.clip_norm),
        "average": _optional(share, "--average", words.average),
        "class_weight": _optional(_class_weight, "--class-weight", words.class_weight),
        "dtype": one_of("--dtype", words.dtype, DTYPES),
        "engine": one_of("--engine", words.engine, ENGINES),
    }


def hidden_layers(words: Command, weights: Any) -> list[Any]:
    """Dense, normalization, activation and dropout of each hidden layer."""
    units = hidden_units(words.hidden)
    activations = _one_for_each(_activations(words), len(units))
    normalization = made("--normalization", words.normalization, NORMALIZATIONS)
    between = [] if words.normalization == NONE else [normalization]
    behind = [] if not words.dropout else [_dropout(words.dropout)]
    return [
        layer
        for count, activation in zip(units, activations, strict=True)
        for layer in (nn.Dense(count, weights=weights), *between, activation, *behind)
    ]


def _activations(words: Command) -> list[Any]:
    of_file = words.files.making("x", nn.Activation)
    names = [name.strip() for name in words.activation.split(",")]
    return [made("--activation", name, ACTIVATIONS, of_file=of_file) for name in names]


def _one_for_each(activations: list[Any], layers: int) -> list[Any]:
    if len(activations) == 1:
        return activations * layers
    if len(activations) != layers:
        raise UsageError(
            f"--activation names {len(activations)} for {layers} hidden layers: give one for all "
            "or one for each."
        )
    return activations


def _dropout(rate: float) -> nn.Dropout:
    try:
        return nn.Dropout(rate)
    except UsageError:
        raise UsageError(f"--dropout {rate:g}: it must be in [0, 1).") from None


def hidden_units(words: list[str] | None) -> list[int]:
    """["64,32", "16"] -> [64, 32, 16]; ["none"] -> []; None -> [64]."""
    parts = [part.strip() for word in words or ["64"] for part in word.split(",")]
    if parts == [NONE]:
        return []
    for part in parts:
        if not _is_count(part):
            raise UsageError(
                f"--hidden {part!r}: write the units of each hidden layer, such as 64 or 64,32, "
                f"or {NONE} for a linear model."
            )
    return [int(part) for part in parts]


def rule(words: Command) -> Any:
    """The update rule, or the solver, with weight decay around it where there is some."""
    rate = _optional(above_0, "--learning-rate", words.learning_rate)
    own = {"learning_rate": Own("--learning-rate", rate)}
    own |= {"iterations": Own("--epochs", words.epochs)}
    chosen = made("--optimizer", words.optimizer, RULES, own)
    if hasattr(chosen, "minimize"):
        _check_solver(words)
        return chosen
    if words.weight_decay is None:
        return chosen
    decay = at_least_0("--weight-decay", words.weight_decay)
    return Decayed(chosen, decay)


def _check_solver(words: Command) -> None:
    if words.batch_size != "full":
        raise UsageError(
            f"--optimizer {words.optimizer} works on all rows at once: add --batch-size full."
        )
    chosen_by_solver = ("learning_rate", "schedule", "weight_decay", "clip_value", "clip_norm")
    for name in (*chosen_by_solver, "average", "reduce_on_plateau"):
        if getattr(words, name) is not None:
            raise UsageError(
                f"--{name.replace('_', '-')} does not go with --optimizer {words.optimizer}, "
                "which chooses its own steps."
            )


def initial_weights(words: Command) -> Any:
    """What `Dense` takes for its weights; None for what suits the activation."""
    if words.weights is None:
        return None
    of_file = words.files.making("random, inputs, outputs", lambda function: function)
    return made("--weights", words.weights, WEIGHTS, of_file=of_file)


def schedule(words: Command) -> Callable[[int], float] | None:
    """The schedule that the words ask for."""
    if words.schedule is None:
        return None
    of_file = words.files.making("step", lambda function: function)
    chosen: Callable[[int], float] = made("--schedule", words.schedule, SCHEDULES, of_file=of_file)
    return chosen


def penalty(words: Command) -> Penalty | None:
    """The penalty that the words ask for."""
    if words.penalty is None:
        return None
    of_file = words.files.making("W", as_penalty)
    chosen: Penalty = made("--penalty", words.penalty, PENALTY_CHOICES, of_file=of_file)
    return chosen


def _callbacks(words: Command) -> list[Callback]:
    """What steers the run by a column of its history."""
    chosen: list[Any] = []
    for option, word, make in (
        ("--early-stopping", words.early_stopping, EarlyStopping),
        ("--reduce-on-plateau", words.reduce_on_plateau, ReduceOnPlateau),
    ):
        if word is None:
            continue
        patience = word.partition(":")[0]
        if not _is_count(patience):
            raise UsageError(
                f"{option} {word!r}: write how many epochs to wait, such as {option} 5."
            )
        chosen.append(called(option, make, f"patience={word}"))
        if chosen[-1].monitor.startswith("validation") and words.validation is None:
            raise UsageError(
                f"{option} needs --validation SHARE, rows of its own to watch: what is chosen by "
                "the test rows would be tested on the same."
            )
    return chosen


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


def above_0(option: str, value: float) -> float:
    """The number, when it is finite and above 0."""
    if not (math.isfinite(value) and value > 0):
        raise UsageError(f"{option} {value:g}: it must be a finite number above 0.")
    return value


def at_least_0(option: str, value: float) -> float:
    """The number, when it is finite and not negative."""
    if not (math.isfinite(value) and value >= 0):
        raise UsageError(f"{option} {value:g}: it must be a finite number of at least 0.")
    return value


def _class_weight(option: str, word: str) -> str:
    return one_of(option, word, CLASS_WEIGHTS)


def _optional(check: Callable[[str, Any], Any], option: str, value: Any) -> Any:
    return None if value is None else check(option, value)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) >= 1
