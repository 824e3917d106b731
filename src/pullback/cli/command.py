"""The words of `pullback train`: what each is for, and what it is when it is not given."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

import typer

from ..data import BUILTIN
from ..engines.choice import AUTO, ENGINES
from ..errors import StorageError
from ..lazy import cached_property
from ..losses.losses import LOSSES
from ..nn.initializers import INITIALIZERS
from ..nn.layers import ACTIVATIONS
from ..optim import SCHEDULES
from . import options
from .files import FORM, Files
from .panels import option
from .task import REDUCTIONS, TASKS


def _names(registry: Any, *more: str) -> str:
    return "|".join([*registry, *more])


_DATA, _NETWORK, _LOSS = "Data", "Network", "Loss"
_STEPS, _STOP, _RUN = "Steps", "Validation and stopping", "Run folder and output"

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help=f"{', '.join(BUILTIN)}; a .csv file; or a folder of IDX files such as MNIST's.",
    ),
]
Target = Annotated[
    str | None,
    option(_DATA, "COLUMN", "The column of a CSV file to learn; or several: height,weight."),
]
Separator = Annotated[str, option(_DATA, "CHAR", "The character between cells of a CSV file.")]
Task = Annotated[
    str,
    option(
        _DATA,
        _names(TASKS),
        "What the targets are: classes, labels that hold or not, or numbers. auto goes by the loss "
        "and the cells, and says what it took them for.",
    ),
]
HeldOut = Annotated[
    float, option(_DATA, "SHARE", "Of the rows, kept for the test; IDX brings its own.")
]
Scaling = Annotated[
    str,
    option(
        _DATA,
        _names(options.SCALING_CHOICES),
        "Of the inputs; auto: unit for images, else standard.",
    ),
]
TargetScaling = Annotated[
    str,
    option(
        _DATA,
        _names(options.SCALING_CHOICES),
        "Of targets that are numbers, while training; auto: standard. Predictions are in the unit "
        "of the target all the same.",
    ),
]
ClassWeight = Annotated[
    str | None, option(_DATA, "balanced", "Rare classes count as much as frequent ones.")
]
Hidden = Annotated[
    list[str] | None,
    option(
        _NETWORK,
        "UNITS",
        "Units of each hidden layer, such as 64,32; none: a linear model.",
        show_default="64",
    ),
]
Activation = Annotated[
    str,
    option(
        _NETWORK,
        _names(ACTIVATIONS, FORM),
        "Of the hidden layers: one for all, or one for each, as in leaky-relu:slope=0.1,tanh.",
    ),
]
Normalization = Annotated[
    str,
    option(
        _NETWORK, _names(options.NORMALIZATIONS), "Between each hidden layer and its activation."
    ),
]
Dropout = Annotated[
    float | None,
    option(_NETWORK, "RATE", "Probability that the output of a hidden unit is dropped."),
]
Weights = Annotated[
    str | None,
    option(
        _NETWORK,
        _names(INITIALIZERS, FORM),
        "How weights start, as in normal:scale=0.1.",
        show_default="what suits the activation",
    ),
]
Loss = Annotated[
    str | None,
    option(
        _LOSS,
        _names(LOSSES, FORM),
        "What training makes small, as in huber:delta=2.",
        show_default="cross-entropy; binary-cross-entropy of several labels; squared-error of "
        "numbers",
    ),
]
Reduction = Annotated[
    str, option(_LOSS, _names(REDUCTIONS), "Of the loss, over the rows of a step.")
]
Penalty = Annotated[
    str | None,
    option(
        _LOSS,
        _names(options.PENALTY_CHOICES, FORM),
        "On weight matrices, added to the loss, as in l2:strength=0.0001.",
    ),
]
Optimizer = Annotated[
    str,
    option(_STEPS, _names(options.RULES), "The update rule, as in rmsprop:centered=true."),
]
LearningRate = Annotated[
    float | None,
    option(
        _STEPS,
        "NUMBER",
        "When not given, the rule's own, or one from loss and batch size; it is shown.",
    ),
]
Schedule = Annotated[
    str | None,
    option(
        _STEPS,
        _names(SCHEDULES, FORM),
        "Changes the learning rate, as in warmup:steps=99:then=cosine.",
        show_default="constant",
    ),
]
WeightDecay = Annotated[
    float | None,
    option(_STEPS, "NUMBER", "Weights also shrink by learning rate * NUMBER at each step."),
]
ClipValue = Annotated[
    float | None, option(_STEPS, "NUMBER", "Entries of the gradient are kept in +-NUMBER.")
]
ClipNorm = Annotated[
    float | None, option(_STEPS, "NUMBER", "The gradient's norm is kept at or below NUMBER.")
]
Average = Annotated[
    float | None,
    option(
        _STEPS, "DECAY", "Predict with a running average of the weights that keeps DECAY a step."
    ),
]
BatchSize = Annotated[str, option(_STEPS, "full|NUMBER", "Rows per batch; 1 is one row at a time.")]
Accumulate = Annotated[int, option(_STEPS, "NUMBER", "Batches whose gradients make one step.")]
Sampling = Annotated[
    str,
    option(
        _STEPS, _names(options.SAMPLINGS), "How batches are drawn; replacement: rows may repeat."
    ),
]
Epochs = Annotated[int, option(_STEPS, "NUMBER", "How often every row is seen.")]
Seed = Annotated[int, option(_STEPS, "NUMBER", "Same seed, same result to the last bit.")]
Dtype = Annotated[str, option(_STEPS, _names(options.DTYPES), "Of all floating numbers.")]
Validation = Annotated[
    float | None,
    option(
        _STOP,
        "SHARE",
        "Of the training rows, held out to watch. Without it, the test rows are shown epoch by "
        "epoch, and nothing may be chosen by them.",
    ),
]
EarlyStopping = Annotated[
    str | None,
    option(
        _STOP,
        "EPOCHS",
        "Stop after so many without a better validation loss and bring the best weights back; "
        "as in 10:monitor=validation_accuracy.",
    ),
]
ReduceOnPlateau = Annotated[
    str | None,
    option(
        _STOP,
        "EPOCHS",
        "After so many without a better validation loss, reduce the learning rate; as in "
        "5:factor=0.5.",
    ),
]
Engine = Annotated[
    str,
    option(
        _RUN,
        _names(dict.fromkeys(ENGINES)),
        "What runs the steps: NumPy, or machine code. auto goes by the sizes of the work.",
    ),
]
Out = Annotated[
    str | None,
    option(
        _RUN,
        "FOLDER",
        "Where the run is saved: a new or an empty folder.",
        show_default="the next of runs/0001, runs/0002, ...",
    ),
]
CheckpointEvery = Annotated[
    float, option(_RUN, "SECONDS", "Between two checkpoints; 0: one after each step.")
]
Resume = Annotated[
    str | None,
    option(_RUN, "RUN", "Go on with a run that was stopped; only --epochs and --quiet go with it."),
]
Diagnose = Annotated[
    bool,
    typer.Option("--diagnose", help="Look for what hinders training.", rich_help_panel=_RUN),
]
TensorBoard = Annotated[
    bool,
    typer.Option("--tensorboard", help="Write TensorBoard event files too.", rich_help_panel=_RUN),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", help="Print the name of the run folder only.", rich_help_panel=_RUN
    ),
]


@dataclass(frozen=True)
class Command:
    """The words of the command, as they were given; settings.json keeps them."""

    data: str = "digits"
    target: str | None = None
    separator: str = ","
    task: str = "auto"
    held_out: float = 0.2
    scaling: str = "auto"
    target_scaling: str = "auto"
    class_weight: str | None = None
    hidden: list[str] | None = None
    activation: str = "relu"
    normalization: str = "none"
    dropout: float | None = None
    weights: str | None = None
    loss: str | None = None
    reduction: str = "mean"
    penalty: str | None = None
    optimizer: str = "sgd"
    learning_rate: float | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    clip_value: float | None = None
    clip_norm: float | None = None
    average: float | None = None
    batch_size: str = "32"
    accumulate: int = 1
    sampling: str = "shuffle"
    epochs: int = 50
    seed: int = 0
    dtype: str = "float32"
    validation: float | None = None
    early_stopping: str | None = None
    reduce_on_plateau: str | None = None
    engine: str = AUTO
    out: str | None = None
    checkpoint_every: float = 10.0
    diagnose: bool = False
    tensorboard: bool = False

    @cached_property
    def files(self) -> Files:
        """The files of the user's own functions, FILE.py:NAME, that the words name."""
        return Files()

    @classmethod
    def of(cls, words: dict[str, Any]) -> Command:
        """The command of these words; others than its own are left out."""
        return cls(**{field.name: words[field.name] for field in fields(cls)})

    @classmethod
    def saved(cls, words: dict[str, Any], where: object) -> Command:
        """The command that a settings.json keeps.

        Raises:
            StorageError: When it has words that there are not.
        """
        try:
            return cls(**words)
        except TypeError as error:
            raise StorageError(
                f"{where} was made by another version of Pullback and cannot go on here."
            ) from error
