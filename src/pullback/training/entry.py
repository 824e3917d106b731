"""`train`: the whole of a run in one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..nn import Sequential
from ..optim import Optimizer
from .keeper import BY_USER
from .preparing import prepare
from .run import Run, stopped_text, worse_text


def train(
    model: Sequential,
    X: Any,
    y: Any,
    *,
    loss: Any = None,
    optimizer: Optimizer | None = None,
    schedule: Callable[[int], float] | None = None,
    batch_size: int | str = 32,
    accumulate: int = 1,
    sampling: str = "shuffle",
    epochs: int = 10,
    seed: int = 0,
    penalty: Any = None,
    clip_value: float | None = None,
    clip_norm: float | None = None,
    average: float | None = None,
    validation: Any = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    early_stopping: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    scaling: str | None = None,
    target_scaling: str | None = None,
    task: str = "auto",
    dtype: Any = "float32",
    engine: str = "auto",
    info: Mapping[str, Any] | None = None,
    callbacks: Any = (),
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 10.0,
    resume: str | Path | None = None,
) -> Run:
    """Train a network by gradient descent on w -> mean over the batch's rows of the loss.

    Args:
        model: The layers; the last must give one output per class (or target column).
        X: Finite numbers of shape (rows, columns).
        y: Labels of any kind (ints, strings, bools, floats) of shape (rows,); or numbers of shape
            (rows,) or (rows, columns): values to predict, probabilities of the classes for
            `CrossEntropy` and `RelativeEntropy`, zeros and ones for `BinaryCrossEntropy`.
        loss: A loss or a NumPy function (outputs, targets); `CrossEntropy()` when None.
        optimizer: The update rule, or `pb.optim.LBFGS()`; `SGD()` when None, whose learning rate
            follows from loss and rows per step (`pullback.optim.default_learning_rate`), and for
            counts from their mean.
        schedule: A function of the updates done before, whose value the learning rate is
            multiplied by, such as `pb.optim.Cosine()`; constant when None.
        batch_size: Rows per batch: "full", or a whole number of at least 1. A last smaller batch
            counts as a mean over the rows present.
        accumulate: How many batches make one step: their gradients are joined to that of one
            large batch, with row weights too. At least 1. `BatchNorm` sees each batch by itself.
        sampling: "shuffle": each epoch sees each row once, in a new order; "replacement": each
            epoch draws as many rows as there are, each time from all of them; "ordered": as they
            lie.
        epochs: Passes over the data, at least 1. With L-BFGS each of its iterations is one, and
            `LBFGS(iterations=...)` limits them.
        seed: Of the initial weights, the order of rows and random layers; same seed, same bits.
        penalty: A function of one weight matrix that is summed over all and added to the loss,
            such as `pb.losses.L2(1e-3)`; biases, scales and slopes go free.
        clip_value: Each entry of the gradient is clipped to +-clip_value; a number above 0.
        clip_norm: The whole gradient is scaled to this norm where it is longer; above 0.
        average: The decay, in (0, 1), of a running average of the weights, which evaluation and
            prediction then use.
        validation: (X, y), or a share of the rows in (0, 1) that is held out class by class;
            evaluated after each epoch and never trained on.
        metrics: NumPy functions (outputs, targets) -> one number per row, by name; their means
            stand in the history.
        early_stopping: Stop after so many epochs without a smaller validation loss, and bring the
            best weights back; see `EarlyStopping` for more.
        sample_weight: Numbers >= 0 of shape (rows,); the loss is sum(w l) / sum(w).
        class_weight: Numbers >= 0 by class, 1 for those left out; or "balanced": rows / (classes
            * rows of the class). Multiplied with sample_weight.
        scaling: "standard" brings each column to mean 0 and standard deviation 1, "unit" divides
            by the largest absolute value of the training data; part of the model from then on.
        target_scaling: The same for targets that are numbers: a network begins with outputs near
            0 and steps of a fixed size, so targets in the hundreds need it. The loss is that of
            scaled targets; predictions and metrics are in the unit of y.
        task: "classification", "regression", or "auto": labels when y has one column, unless y
            is floating and the loss is not on logits, or the loss counts (Poisson).
        dtype: "float32" or "float64".
        engine: "reference" runs the derived step as NumPy; "native" compiles it, update rule and
            loop over the batches included, to machine code (extra `fast`). "auto" decides by the
            sizes of the work: what NumPy does within some six seconds is not compiled. The
            engines agree within rounding, not to the last bit; `run.settings["engine"]` tells
            which one it was, and a resumed run goes on with it.
        info: Plain data that the model keeps: feature_names, image_shape.
        callbacks: `Callback` objects, or functions of the `Progress` after each step.
        checkpoint: A file for checkpoints: the first before the first step, the last at the end.
        checkpoint_every: Seconds between two checkpoints, at least 0; 0 writes one after each
            step.
        resume: A checkpoint to go on from, of a run with the same settings (epochs may be more)
            and data; new checkpoints go there too, unless `checkpoint` names another file.

    Returns:
        The model, its history, the training step as a program, and all settings. After Ctrl-C,
        what has been trained so far, with a warning that says so; the step at hand is finished
        first, and a second Ctrl-C does not wait for it.

    Raises:
        UsageError: When a setting is not allowed, or `engine="native"` cannot run this work,
            before the first step.
        DataError: When the data cannot be used, before the first step.
        TrainingError: When the loss stops being a finite number; the error names the step and the
            operation, and its `run` holds the model before that step.
        StorageError: When a checkpoint cannot be written or read.

        Every error in the middle of the training, of a callback's too, has the `Run` so far as
        its attribute `run`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        >>> net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(2))
        >>> run = pb.train(net, X, ["no", "yes", "yes", "no"], batch_size="full", epochs=200)
        >>> run.model.predict(X)
        array(['no', 'yes', 'yes', 'no'], dtype='<U3')
    """
    prepared = prepare(
        model,
        X,
        y,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        batch_size=batch_size,
        accumulate=accumulate,
        sampling=sampling,
        epochs=epochs,
        seed=seed,
        penalty=penalty,
        clip_value=clip_value,
        clip_norm=clip_norm,
        average=average,
        validation=validation,
        metrics=metrics,
        early_stopping=early_stopping,
        sample_weight=sample_weight,
        class_weight=class_weight,
        scaling=scaling,
        target_scaling=target_scaling,
        task=task,
        dtype=dtype,
        engine=engine,
        info={} if info is None else info,
    )
    run = prepared.run(callbacks, checkpoint, checkpoint_every, resume)
    if run.ended == BY_USER:
        warnings.warn(stopped_text(run), stacklevel=2)
    elif run.made_it_worse:
        warnings.warn(worse_text(run), stacklevel=2)
    return run
