"""`pullback train DATA`: derive, check, train, and leave a run folder behind."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from ..engines.choice import AUTO, telling
from ..errors import TrainingError, UsageError
from ..training import Prepared, Run
from ..training.keeper import BY_USER
from ..training.results import evaluate
from . import command as words
from .command import Command
from .console import console_for
from .display import heading, show_check, show_data, show_derivation, show_network
from .folder import CHECKPOINT, how_to_resume, resumed_folder, run_folder, settings_of
from .outcome import STOPPED, EndedEarlyError
from .progress import watched, watcher_of_nothing
from .report import show_details, show_folder, show_results
from .work import Work, require, work_of

ROWS_CHECKED = 8

WITH_RESUME = ("resume", "epochs", "quiet")
"""The words that may stand beside --resume."""


def train(
    context: typer.Context,
    data: words.Data = Command.data,
    target: words.Target = Command.target,
    separator: words.Separator = Command.separator,
    task: words.Task = Command.task,
    held_out: words.HeldOut = Command.held_out,
    scaling: words.Scaling = Command.scaling,
    target_scaling: words.TargetScaling = Command.target_scaling,
    class_weight: words.ClassWeight = Command.class_weight,
    hidden: words.Hidden = Command.hidden,
    activation: words.Activation = Command.activation,
    normalization: words.Normalization = Command.normalization,
    dropout: words.Dropout = Command.dropout,
    weights: words.Weights = Command.weights,
    loss: words.Loss = Command.loss,
    reduction: words.Reduction = Command.reduction,
    penalty: words.Penalty = Command.penalty,
    optimizer: words.Optimizer = Command.optimizer,
    learning_rate: words.LearningRate = Command.learning_rate,
    schedule: words.Schedule = Command.schedule,
    weight_decay: words.WeightDecay = Command.weight_decay,
    clip_value: words.ClipValue = Command.clip_value,
    clip_norm: words.ClipNorm = Command.clip_norm,
    average: words.Average = Command.average,
    batch_size: words.BatchSize = Command.batch_size,
    accumulate: words.Accumulate = Command.accumulate,
    sampling: words.Sampling = Command.sampling,
    epochs: words.Epochs = Command.epochs,
    seed: words.Seed = Command.seed,
    dtype: words.Dtype = Command.dtype,
    validation: words.Validation = Command.validation,
    early_stopping: words.EarlyStopping = Command.early_stopping,
    reduce_on_plateau: words.ReduceOnPlateau = Command.reduce_on_plateau,
    engine: words.Engine = Command.engine,
    out: words.Out = Command.out,
    checkpoint_every: words.CheckpointEvery = Command.checkpoint_every,
    resume: words.Resume = None,
    diagnose: words.Diagnose = Command.diagnose,
    tensorboard: words.TensorBoard = Command.tensorboard,
    quiet: words.Quiet = False,
) -> None:
    """Derive a network's backward pass, check it, train it, and save the run.

    Settings stand behind a name and a colon: adam:beta1=0.8, huber:delta=2.

    FILE.py:NAME is a NumPy function of your own: of x for an activation, of outputs and targets
    for a loss, of W for a penalty, of the step for a schedule, of random, inputs and outputs for
    weights.

    \b
    Examples:
      pullback train
      pullback train iris --hidden 16,8 --epochs 100
      pullback train flowers.csv --target kind --separator ';'
      pullback train diabetes --loss huber --hidden 16
      pullback train people.csv --target height,weight --task regression
      pullback train visits.csv --target visits --loss poisson
      pullback train songs.csv --target calm,happy,sad --loss binary-cross-entropy
      pullback train path/to/mnist --hidden 128 --batch-size 128 --epochs 5
      pullback train digits --batch-size 1 --epochs 3
      pullback train wine --hidden none --batch-size full --learning-rate 0.5
      pullback train --optimizer adam --schedule cosine --dropout 0.2
      pullback train --activation gelu,tanh --hidden 64,32 --normalization batch
      pullback train --activation mine.py:bent --loss mine.py:absolute
      pullback train --validation 0.2 --early-stopping 10 --penalty l2:strength=0.0001
      pullback train --optimizer lbfgs --batch-size full
      pullback train --resume runs/0001 --epochs 100
    """
    if resume is None:
        _train(Command.of(context.params), None, quiet)
        return
    more = epochs if _is_given(context, "epochs") else None
    _refuse_beside_resume(context)
    folder = Path(resume)
    then = settings_of(folder)
    # What auto chose stays: more epochs must not change the engine, and so the bits.
    words_then = {**then["command"], "engine": then.get("engine", AUTO)}
    saved = Command.saved(words_then, folder)
    _train(saved if more is None else replace(saved, epochs=more), folder, quiet)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_beside_resume(context: typer.Context) -> None:
    for name in context.params:
        if name not in WITH_RESUME and _is_given(context, name):
            option = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} does not go with --resume: a run goes on with its own settings; only "
                "--epochs and --quiet may be given."
            )


def _train(command: Command, resumed: Path | None, quiet: bool) -> None:
    require("matplotlib", "safetensors", *(["tensorboardX"] if command.tensorboard else []))
    with command.files.told():
        work = work_of(command)
        if resumed is not None and not work.prepared.keeps_checkpoints:
            raise UsageError(f"--resume {resumed}: L-BFGS keeps no checkpoints to go on from.")
        begins = "" if resumed is None else _where_it_stands(work, resumed)
    out = None if command.out is None else Path(command.out)
    place = run_folder(out) if resumed is None else resumed_folder(resumed)
    with place as folder, command.files.told():
        run = _trained(command, work, folder, quiet, begins)
        if quiet and run.ended != BY_USER:
            print(folder)
        if run.ended == BY_USER:
            raise _stopped(run, folder)


def _where_it_stands(work: Work, folder: Path) -> str:
    """Where a run goes on, in words; what cannot go on is refused before anything is written.

    Raises:
        StorageError: When its checkpoint cannot be read.
        UsageError: When it is of another run.
    """
    file = folder / CHECKPOINT
    if not file.is_file():
        return f"begins anew: {folder} has no checkpoint yet"
    run = work.prepared.resumed(file, [*work.callbacks(folder), watcher_of_nothing()])
    done = len(run.history) - 1
    if run.ended:
        return f"{folder} has ended for good after epoch {done}"
    if done >= run.epochs:
        return f"{folder} has done all its {done} epochs; --epochs with a larger number adds more"
    return f"goes on with {folder} after epoch {done}" if done else f"goes on with {folder}"


def _trained(command: Command, work: Work, folder: Path, quiet: bool, begins: str) -> Run:
    console = console_for(sys.stdout, quiet)
    prepared = work.prepared
    show_data(console, work)
    show_network(console, prepared, command.learning_rate is not None)
    show_derivation(console, prepared)
    rows = min(ROWS_CHECKED, len(prepared.rows))
    show_check(console, prepared.check(rows), rows)

    _diagnose(console, work, prepared, "before the first step")

    told = "" if prepared.problem.tells_errors else " and accuracy"
    heading(console, "TRAINED", f"loss{told} of the training rows, as they go by")
    if begins:
        console.print(f"  {begins}", soft_wrap=True)
    with telling(lambda line: console.print(f"  {line}", soft_wrap=True, markup=False)):
        work.save_settings(folder)  # they tell the engine, which may have to compile now
    with watched(console) as watch:
        run = _run(work, folder, [watch])
    how = run.ended or _how_a_solver_ended(run)
    if how:
        console.print(f"  {how}", soft_wrap=True)
    console.print()
    work.save(run, folder)

    results = {name: evaluate(run.model, X, y) for name, (X, y) in work.sets.items()}
    show_results(console, run, results)
    show_details(console, results["test"], work.names)
    _diagnose(console, work, run, "after training")
    from ..pictures import save_pictures

    summed = prepared.problem.loss.reduction == "sum"
    save_pictures(folder, run, results, work.names, summed, work.data.X, work.data.image_shape)
    show_folder(console, folder, command.data, command.separator)
    return run


def _diagnose(console: Console, work: Work, network: Prepared | Run, when: str) -> None:
    if not work.command.diagnose or console.quiet:
        return
    from ..diagnosis import diagnose
    from .diagnosis import show_diagnosis

    rule = work.prepared.problem.optimizer
    found = diagnose(network, work.data.X, work.data.y, optimizer=rule)
    show_diagnosis(console, found, when)


def _run(work: Work, folder: Path, watching: list[object]) -> Run:
    """Train, from the folder's checkpoint when there is one; keep what a failing run has."""
    keeps = work.prepared.keeps_checkpoints
    file = folder / CHECKPOINT if keeps else None
    resume = file if file is not None and file.is_file() else None
    callbacks = [*work.callbacks(folder), *watching]
    try:
        return work.prepared.run(callbacks, file, work.settings.checkpoint_every, resume)
    except TrainingError as error:
        if error.run is not None:
            work.save(error.run, folder)
        raise


def _how_a_solver_ended(run: Run) -> str:
    """That it came to a minimum before its last iteration; empty for every other run."""
    done, most = len(run.history) - 1, run.settings["epochs"]
    return f"a minimum was found after {done} of at most {most} iterations" if done < most else ""


def _stopped(run: Run, folder: Path) -> EndedEarlyError:
    epoch = int(run.history[-1]["epoch"])
    when = f"after epoch {epoch}" if epoch else "in epoch 1"
    then = how_to_resume(folder) or f"the model so far is in {folder}"
    return EndedEarlyError(f"{BY_USER} {when}; {then}", STOPPED)
