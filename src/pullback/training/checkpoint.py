"""Checkpoints: all that a run needs to go on bit for bit, in one file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import StorageError, UsageError
from ..storage import load_tensors, save_tensors
from .loop import Totals, Training
from .steps import Rows, Variables

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
        position: epoch, step, updates, rate_factor, ended, totals (plain data).
        history: The records so far.
        variables: Parameters, state, state of the update rule.
        callbacks: The state of each callback.
    """

    path: Path
    settings: Mapping[str, Any]
    data: str
    program: str
    position: Mapping[str, Any]
    history: list[dict[str, float]]
    variables: Variables
    callbacks: list[dict[str, Any]]


def save_checkpoint(path: Path, training: Training, identity: Mapping[str, Any]) -> None:
    """Write where a run stands; a kill at any moment leaves the old file or the new one.

    Args:
        path: The file.
        training: The run, between two steps.
        identity: "settings", "data" and "program": what the run is.

    Raises:
        StorageError: When the file cannot be written; the old one stays as it was.
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
        "callbacks": [callback.state() for callback in training.callbacks],
    }
    tensors: dict[str, Any] = {}
    plain = _without_arrays(content, "", tensors)
    save_tensors(path, tensors, {"checkpoint": json.dumps(plain)})


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: The file, or a run folder that holds `checkpoint.safetensors`.

    Raises:
        StorageError: When there is no such file, or it is damaged or no checkpoint.
    """
    file = Path(path)
    file = file / "checkpoint.safetensors" if file.is_dir() else file
    tensors, metadata = load_tensors(file)
    try:
        plain = json.loads(metadata["checkpoint"])
        if plain["format"] != FORMAT or plain["version"] != VERSION:
            raise KeyError("format")
        content = _with_arrays(plain, tensors)
        return Checkpoint(
            path=file,
            settings=content["settings"],
            data=content["data"],
            program=content["program"],
            position=content["position"],
            history=content["history"],
            variables=Variables(**content["variables"]),
            callbacks=content["callbacks"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{file} is not a Pullback checkpoint (version {VERSION}).") from error


def restore(training: Training, checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Bring a fresh run to where a checkpoint stands.

    Raises:
        UsageError: When the checkpoint is of another run: the setting that differs is named.
    """
    _check_same(checkpoint, identity)
    if len(checkpoint.callbacks) != len(training.callbacks):
        raise UsageError(
            f"resume: {checkpoint.path} was made with {len(checkpoint.callbacks)} callbacks, "
            f"this run has {len(training.callbacks)}; give the same ones in the same order."
        )
    position = checkpoint.position
    training.epoch, training.step = position["epoch"], position["step"]
    training.updates, training.rate_factor = position["updates"], position["rate_factor"]
    training.ended, training.resumed = position["ended"], True
    training.totals = Totals(**position["totals"])
    training.history = list(checkpoint.history)
    training.variables = checkpoint.variables
    for callback, state in zip(training.callbacks, checkpoint.callbacks, strict=True):
        callback.restore(state)


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
        raise UsageError(f"resume: {checkpoint.path} was made with another network or loss.")
    if checkpoint.data != identity["data"]:
        raise UsageError(f"resume: {checkpoint.path} was made with other data.")
    epochs, done = identity["settings"]["epochs"], checkpoint.position["epoch"]
    if epochs < done:
        raise UsageError(f"epochs={epochs}: {checkpoint.path} stands in epoch {done} already.")


def _without_arrays(content: Any, path: str, tensors: dict[str, Any]) -> Any:
    """The content with a reference in the place of each array, which goes to `tensors`."""
    if isinstance(content, Mapping):
        return {
            name: _without_arrays(value, f"{path}/{name}", tensors)
            for name, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [_without_arrays(v, f"{path}/{i}", tensors) for i, v in enumerate(content)]
    if isinstance(content, np.ndarray | np.generic):
        tensors[path] = np.asarray(content)
        return {_ARRAY: path}
    return content


def _with_arrays(plain: Any, tensors: Mapping[str, Any]) -> Any:
    if isinstance(plain, dict):
        if set(plain) == {_ARRAY}:
            return tensors[plain[_ARRAY]]
        return {name: _with_arrays(value, tensors) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_with_arrays(value, tensors) for value in plain]
    return plain


_ARRAY = "array at"
