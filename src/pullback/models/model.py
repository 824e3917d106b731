"""A trained model: programs, parameters and what their numbers mean; complete in itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.labels import Classes
from ..engines import choice
from ..engines.choice import AUTO, NATIVE, checked_engine
from ..errors import DataError, StorageError, UsageError
from ..lazy import cached_property
from ..program import Program
from ..storage.tensors import load_tensors, save_tensors
from .answers import Answers, checked_for_native

if TYPE_CHECKING:
    from ..views.network import Network

FORMAT = "pullback-model"
VERSION = 2
ANSWERS = ("outputs", "predictions", "probabilities")
"""The programs of rows and parameters."""


@dataclass(frozen=True)
class Model:
    """A trained network.

    It is saved as a file (`save`), or pickled or deep-copied: each predicts the same bits.

    Attributes:
        layers: How each layer prints, in order.
        params: Learned parameters by name.
        programs: "outputs": (x, params) -> the network's outputs; "predictions": what they say
            of each row (a class index, the labels that hold, numbers); "probabilities" where the
            loss gives outputs that meaning; "loss": (x, labels, params) -> the loss.
        classes: The labels that outputs stand for; None for regression.
        inputs: Number of input columns.
        info: What else the training knew: feature_names, image_shape, loss (plain data).
        engine: What predicts: "reference", "native", or "auto", which takes native for calls that
            are large enough to repay compiling. A model predicts on the engine that trained it;
            see `with_engine`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> net = pb.nn.Sequential(pb.nn.Dense(2))
        >>> run = pb.train(net, np.eye(2), ["left", "right"], batch_size="full", epochs=100)
        >>> print(run.model)
        2 inputs -> Dense(2)
          W1   2x2                4 parameters
          b1   2                  2 parameters
          6 learned parameters, float32
        >>> run.model.predict(np.eye(2))
        array(['left', 'right'], dtype='<U5')
        >>> run.model.predict_proba(np.eye(2)).shape
        (2, 2)
    """

    layers: tuple[str, ...]
    params: Mapping[str, Any]
    programs: Mapping[str, Program]
    classes: Classes | None
    inputs: int
    info: Mapping[str, Any]
    engine: str = AUTO

    def with_engine(self, engine: str) -> Model:
        """The same model, predicting on another engine.

        The native engine compiles a program at its first call, for some seconds (see
        `engines.choice.compiling_seconds`), and keeps the machine code on disk. A row then takes
        microseconds.

        Args:
            engine: "reference", "native" or "auto".

        Raises:
            UsageError: When there is no such engine, it is not installed, or it cannot compile a
                program of this model; the error names the equation.

        Example:
            >>> import numpy as np, pullback as pb
            >>> net = pb.nn.Sequential(pb.nn.Dense(2))
            >>> run = pb.train(net, np.eye(2), ["left", "right"], batch_size="full", epochs=100)
            >>> run.model.with_engine("reference").predict(np.eye(2))
            array(['left', 'right'], dtype='<U5')
        """
        other = replace(self, engine=checked_engine(engine))
        if engine == NATIVE:
            missing = choice.missing_for_native()
            if missing:
                raise UsageError(f"engine='native': {missing}")
            found = {n: checked_for_native(p) for n, p in self.programs.items() if n in ANSWERS}
            other._ready.update(found)
        return other

    def outputs(self, X: Any) -> Any:
        """What the network gives for each row: logits, or predicted targets.

        Args:
            X: Numbers of shape (rows, inputs); converted to the model's dtype.

        Returns:
            An array of shape (rows, outputs).

        Raises:
            DataError: When X has another shape or holds NaN or infinities.
        """
        return self._run("outputs", X)

    def predict(self, X: Any) -> Any:
        """What the model says of each row.

        Args:
            X: As for `outputs`.

        Returns:
            Labels of shape (rows,), of the type that the training labels had. For targets that
            were numbers: (rows, columns) of predicted values; for a binary cross-entropy bools,
            where the probability is above a half; for soft targets class indices, (rows,).

        Raises:
            DataError: As `outputs`.
        """
        answers = self._run("predictions", X)
        classes = self.classes
        if classes is None:
            return answers
        if len(answers) == 1 and 0 <= answers.item() < len(classes.labels):
            return classes.labels[answers]  # what `decode` does, in the fewest microseconds
        return classes.decode(answers)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class for each row.

        Args:
            X: As for `outputs`.

        Returns:
            Numbers in [0, 1] of shape (rows, classes); rows sum to 1, but for a binary
            cross-entropy, whose labels hold independently.

        Raises:
            UsageError: When the model was trained with a loss that gives no probabilities.
        """
        if "probabilities" not in self.programs:
            raise UsageError(
                "This model gives no probabilities; train it with pb.losses.CrossEntropy()."
            )
        return self._run("probabilities", X)

    def _run(self, name: str, X: Any) -> Any:
        asked = self._ready.get(name)
        if asked is None:
            asked = self._ready.setdefault(name, Answers(self.programs[name], self.engine))
        answers = asked.again(X, self.params)
        if answers is None:
            fits = type(X) is np.ndarray and X.shape[1:] == (self.inputs,)
            rows = X if fits and X.dtype == asked.dtype else self.rows_of(X)
            answers = asked.of(rows, self.params)
        if answers is None:
            self.rows_of(X)  # it tells which number is not finite
        return answers

    @cached_property
    def _ready(self) -> dict[str, Answers]:
        """The programs that were asked something."""
        return {}

    def __getstate__(self) -> dict[str, Any]:
        """The attributes alone: machine code and memory belong to this process."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def targets_of(self, y: Any) -> Any:
        """Labels as class indices, (rows,); numbers as (rows, columns) in the model's dtype.

        Raises:
            DataError: When a label is none of the classes, or y holds no numbers.
        """
        if self.classes is not None:
            return self.classes.encode(y)
        dtype = self.programs["outputs"].inputs[0].aval.dtype
        try:
            targets = np.asarray(y, dtype)
        except (TypeError, ValueError) as error:
            raise DataError(f"y must hold numbers: {error}.") from None
        return targets[:, None] if targets.ndim == 1 else targets

    def rows_of(self, X: Any) -> Any:
        """X as the programs take it: finite numbers (rows, inputs) in the model's dtype.

        Raises:
            DataError: When X has another shape or holds NaN or infinities.
        """
        if isinstance(X, np.ma.MaskedArray):
            raise DataError("X is a masked array; fill it first, its mask would be lost.")
        dtype = self.programs["outputs"].inputs[0].aval.dtype
        try:
            given = np.asarray(X)
            if given.dtype.kind == "c":
                raise TypeError("these are complex")
            rows = given.astype(dtype, copy=False)
        except (TypeError, ValueError) as error:
            raise DataError(f"X must hold numbers: {error}.") from None
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise DataError(f"X has shape {rows.shape}, the model needs (rows, {self.inputs}).")
        if not np.all(np.isfinite(rows)):
            row, column = np.argwhere(~np.isfinite(rows))[0]
            raise DataError(
                f"X[{row}, {column}] is {rows[row, column]}; allowed are finite numbers."
            )
        return rows

    def save(self, path: str | Path) -> None:
        """Write the model to a safetensors file that `pb.load` needs nothing else to read.

        Args:
            path: The file; one that is there is replaced at once or not at all.

        Raises:
            StorageError: When the file cannot be written; an old file stays as it was.
        """
        metadata = {
            "format": FORMAT,
            "version": VERSION,
            "layers": list(self.layers),
            "inputs": self.inputs,
            "classes": None if self.classes is None else self.classes.to_json(),
            "info": dict(self.info),
            "engine": self.engine,
        }
        programs = {name: program.to_json() for name, program in self.programs.items()}
        save_tensors(
            Path(path),
            dict(self.params),
            {"model": json.dumps(metadata), "programs": json.dumps(programs)},
        )

    def to_graph(self) -> Network:
        """The network as columns of units, with widths, layers and learned parameters.

        Returns:
            A picture: `svg()`, `dot()`, `save(path)`, `print`; in a notebook it draws itself.

        Example:
            >>> import numpy as np, pullback as pb
            >>> net = pb.nn.Sequential(pb.nn.Dense(3), pb.nn.ReLU(), pb.nn.Dense(2))
            >>> run = pb.train(net, np.eye(4), [0, 1, 0, 1], batch_size="full", epochs=1)
            >>> print(run.model.to_graph())
            4 inputs
            3 hidden units by Dense(3), ReLU; learned W1 4x3, b1 3
            2 outputs by Dense(2); learned W2 3x2, b2 2
            23 learned parameters, float32
        """
        from ..views.network import Network
        from .columns import columns_of

        outputs = self.programs["outputs"]
        columns = columns_of(self.inputs, self.layers, self.params, outputs)
        return Network(columns, str(outputs.inputs[0].aval.dtype))

    def _repr_html_(self) -> str:
        from ..views.notebook import table_html

        rows = [
            (name, " x ".join(map(str, value.shape)), f"{value.size:,}")
            for name, value in self.params.items()
        ]
        table = table_html(("parameter", "shape", "numbers"), rows)
        return f"<div>{self.to_graph().svg()}{table}</div>"

    def __repr__(self) -> str:
        return f"<Model {self.inputs} inputs -> {' -> '.join(self.layers)}>"

    def __str__(self) -> str:
        count = sum(value.size for value in self.params.values())
        width = max(4, *map(len, self.params))
        lines = [f"{self.inputs} inputs -> {' -> '.join(self.layers)}"]
        lines += [
            f"  {name:<{width}} {'x'.join(map(str, value.shape)):<10} {value.size:>9,} "
            f"parameter{'' if value.size == 1 else 's'}"
            for name, value in self.params.items()
        ]
        dtype = self.programs["outputs"].inputs[0].aval.dtype
        return "\n".join([*lines, f"  {count:,} learned parameters, {dtype}"])


def load(path: str | Path, engine: str | None = None) -> Model:
    """The model that `Model.save` wrote.

    Args:
        path: A safetensors file, or a run folder that holds `model.safetensors`.
        engine: What predicts: "reference", "native" or "auto"; see `Model.with_engine`. None for
            the engine of the saved model, or "auto" where that is not installed.

    Returns:
        The model; predictions have the same bits as before saving on the same engine.

    Raises:
        StorageError: When there is no such file or it is damaged or no model.
        UsageError: As `Model.with_engine`.

    Example:
        >>> import pullback as pb
        >>> pb.load("runs/0001")  # doctest: +SKIP
    """
    file = Path(path)
    file = file / "model.safetensors" if file.is_dir() else file
    tensors, metadata = load_tensors(file)
    try:
        described = json.loads(metadata["model"])
        programs = json.loads(metadata["programs"])
        if described["format"] != FORMAT or described["version"] != VERSION:
            raise KeyError("format")
        classes = described["classes"]
        loaded = {name: Program.from_json(text) for name, text in programs.items()}
        model = Model(
            layers=tuple(described["layers"]),
            params=_params_of(loaded["outputs"], tensors),
            programs=loaded,
            classes=None if classes is None else Classes.from_json(classes),
            inputs=int(described["inputs"]),
            info=described["info"],
            engine=_installed(checked_engine(described.get("engine", AUTO))),
        )
    except (AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
        raise StorageError(f"{file} is not a Pullback model (version {VERSION}).") from error
    return model if engine is None else model.with_engine(engine)


def _installed(engine: str) -> str:
    return AUTO if engine == NATIVE and choice.missing_for_native() else engine


def _params_of(program: Program, tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a program takes, as it takes them; raises `ValueError`."""
    _, params = program.arguments
    _, *inputs = program.argument_inputs
    found = {str(name): tensors[str(name)] for name in params.structure.keys}
    for value, var in zip(found.values(), inputs, strict=True):
        if value.shape != var.aval.shape or value.dtype != var.aval.dtype:
            raise ValueError("parameters")
    return found


def layer_names(layers: Sequence[Any]) -> tuple[str, ...]:
    """How each layer prints."""
    return tuple(str(layer) for layer in layers)
