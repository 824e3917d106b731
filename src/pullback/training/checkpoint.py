"""Checkpoints: all that a run needs to go on bit for bit, in one file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StorageError, UsageError
from ..optim.schedule import factor_at
from ..storage import load_tensors, save_tensors
from .callbacks import Callback
from .loop import Training
from .plan import Plan
from .steps import Rows, Variables
from .totals import Totals

FILE = "checkpoint.safetensors"
FORMAT = "pullback-checkpoint"
VERSION = 1

FREE = ("epochs", "learning_rate_rule", "validation_rows")
"""Settings that a resumed run may change."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood, read from its file.

    Attributes:
        path: The file.
        settings: Every setting of the run.
        data: The fingerprint of its rows.
        program: The fingerprint of its step.
        schedule: Factors of the learning rate by step; see `Plan.factors`.
        position: epoch, step, updates, rate_factor, ended, totals (plain data).
        history: The records so far.
        variables: Parameters, state, state of the update rule.
        callbacks: Name, settings and state of each callback.
    """

    path: Path
    settings: Mapping[str, Any]
    data: str
    program: str
    schedule: list[tuple[int, float]]
    position: Mapping[str, Any]
    history: list[dict[str, float]]
    variables: Variables
    callbacks: list[dict[str, Any]]


def save_checkpoint(path: Path, training: Training, identity: Mapping[str, Any]) -> None:
    """Write where a run stands; a kill at any moment leaves the old file or the new one.

    Args:
        path: The file.
        training: The run, between two steps.
        identity: "settings", "data", "program" and "schedule": what the run is.

    Raises:
        StorageError: When the file cannot be written; the old one stays as it was.
        UsageError: When a callback's state holds what no file can keep.
    """
    variables = training.variables
    content = {
        "format": FORMAT,
        "version": VERSION,
        **identity,
        "position": {
            "epoch": training.epoch,
            "step": training.step,
            "updates": training.updates,
            "rate_factor": training.rate_factor,
            "ended": training.ended,
            "totals": asdict(training.totals),
        },
        "history": training.history,
        "variables": {
            "params": dict(variables.params),
            "state": dict(variables.state),
            "rule_state": variables.rule_state,
        },
        "callbacks": [
            {**_kind(callback), "state": callback.state()} for callback in training.callbacks
        ],
    }
    tensors: dict[str, Any] = {}
    text = json.dumps(_without_arrays(content, "", tensors))
    save_tensors(path, tensors, {"checkpoint": text, "sha256": _checksum(text, tensors)})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: The file, or a run folder that holds `checkpoint.safetensors`.

    Raises:
        UsageError: When it is no path.
        StorageError: When there is no such file, or it is damaged or no checkpoint.
    """
    file = checkpoint_file("resume", path)
    tensors, metadata = load_tensors(file)
    try:
        text = metadata["checkpoint"]
        if metadata["sha256"] != _checksum(text, tensors):
            raise StorageError(f"{file} is damaged: what it holds does not fit its checksum.")
        plain = json.loads(text)
        if plain["format"] != FORMAT or plain["version"] != VERSION:
            raise KeyError("format")
        content = _with_arrays(plain, tensors)
        return Checkpoint(
            path=file,
            settings=content["settings"],
            data=content["data"],
            program=content["program"],
            schedule=content["schedule"],
            position=content["position"],
            history=content["history"],
            variables=Variables(**content["variables"]),
            callbacks=content["callbacks"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{file} is not a Pullback checkpoint (version {VERSION}).") from error


def checkpoint_file(setting: str, path: Any) -> Path:
    """The file that a setting means: a path, or a run folder that holds one.

    Raises:
        UsageError: When it is no path.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise UsageError(f"{setting}={path!r}: it must be the path of a file, or of a run folder.")
    file = Path(path)
    return file / FILE if file.is_dir() else file


def restore(training: Training, checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Bring a fresh run to where a checkpoint stands.

    Raises:
        UsageError: When the checkpoint is of another run: the setting that differs is named.
    """
    _check_same(checkpoint, identity)
    _check_schedule(checkpoint, training.plan)
    _check_callbacks(checkpoint, training)
    position = checkpoint.position
    training.epoch, training.step = position["epoch"], position["step"]
    training.updates, training.rate_factor = position["updates"], position["rate_factor"]
    training.ended, training.resumed = position["ended"], True
    training.totals = Totals(**position["totals"])
    training.history = list(checkpoint.history)
    training.variables = checkpoint.variables
    for callback, kept in zip(training.callbacks, checkpoint.callbacks, strict=True):
        callback.restore(kept["state"])


def fingerprint(*rows: Rows | None) -> str:
    """SHA-256 of rows, labels and weights, in hexadecimal."""
    digest = hashlib.sha256()
    for part in rows:
        for array in [] if part is None else part.flat:
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _check_same(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    then, now = checkpoint.settings, json.loads(json.dumps(identity["settings"]))
    for name in sorted({*then, *now} - set(FREE)):
        if then.get(name) != now.get(name):
            raise UsageError(
                f"resume: {checkpoint.path} was made with {name}={then.get(name)!r}, "
                f"not {now.get(name)!r}."
            )
    if checkpoint.program != identity["program"]:
        raise UsageError(
            f"resume: {checkpoint.path} was made with another network, loss or penalty; functions "
            "of your own must be those of then."
        )
    if checkpoint.data != identity["data"]:
        raise UsageError(f"resume: {checkpoint.path} was made with other data.")
    epochs, done = identity["settings"]["epochs"], checkpoint.position["epoch"]
    if epochs < done:
        raise UsageError(f"epochs={epochs}: {checkpoint.path} stands in epoch {done} already.")
    ended = checkpoint.position["ended"]
    if ended and epochs > then["epochs"]:
        raise UsageError(
            f"epochs={epochs}: {checkpoint.path} is of a run that has ended for good: {ended}."
        )


def _check_schedule(checkpoint: Checkpoint, plan: Plan) -> None:
    """Raise `UsageError` unless the schedule gives what it gave then.

    One that follows the length of the run gives something else when that has changed.
    """
    if hasattr(plan.schedule, "over") and plan.epochs != checkpoint.settings["epochs"]:
        return
    for step, then in checkpoint.schedule:
        now = factor_at(plan.schedule, step)
        if now != then:
            raise UsageError(
                f"resume: {checkpoint.path} was made with a schedule that gave {then:g} at step "
                f"{step}, not {now:g}."
            )


def _check_callbacks(checkpoint: Checkpoint, training: Training) -> None:
    """Raise `UsageError` unless the run has the callbacks that the checkpoint was made with."""
    then = [{**kept, "state": None} for kept in checkpoint.callbacks]
    now = [{**_kind(callback), "state": None} for callback in training.callbacks]
    if then != now:
        raise UsageError(
            f"resume: {checkpoint.path} was made with the callbacks {_told(then)}, not "
            f"{_told(now)}; give the same ones in the same order."
        )


def _kind(callback: Callback) -> dict[str, Any]:
    return {"name": type(callback).__name__, "settings": callback.settings()}


def _told(callbacks: list[dict[str, Any]]) -> str:
    calls = [
        f"{kept['name']}({', '.join(f'{k}={v!r}' for k, v in kept['settings'].items())})"
        for kept in callbacks
    ]
    return f"[{', '.join(calls)}]"


def _checksum(text: str, tensors: Mapping[str, Any]) -> str:
    """SHA-256 of all that a checkpoint holds; a flipped bit in the numbers shows nowhere else."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _without_arrays(content: Any, path: str, tensors: dict[str, Any]) -> Any:
    """The content with a reference in the place of each array, which goes to `tensors`."""
    if isinstance(content, Mapping) and all(isinstance(name, str) for name in content):
        return {
            name: _without_arrays(value, f"{path}/{_escaped(name)}", tensors)
            for name, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [_without_arrays(v, f"{path}/{i}", tensors) for i, v in enumerate(content)]
    if isinstance(content, np.ndarray | np.generic):
        tensors[path] = np.asarray(content)
        return {_ARRAY: path}
    if content is None or isinstance(content, str | int | float):
        return content
    raise UsageError(
        f"A checkpoint cannot keep {path} = {content!r}: allowed are numbers, texts, None, arrays, "
        "and lists and dicts (by texts) of these."
    )


def _escaped(name: str) -> str:
    """A name without the sign that joins names to a path, as in JSON pointers (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _with_arrays(plain: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(plain, dict):
        if set(plain) == {_ARRAY}:
            return tensors[plain[_ARRAY]]
        return {name: _with_arrays(value, tensors) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_with_arrays(value, tensors) for value in plain]
    return plain


_ARRAY = "array at"
