"""A submission's process from start to end: close the doors, call its function, hand on arrays.

What it writes to its pipe is one line of JSON and then the arrays as .npy files, one behind the
other. A submission may write there what it likes: who reads it believes nothing but the arrays.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from . import landlock, limits, places, seccomp, user
from .kernel import PR_SET_PDEATHSIG, prctl

LONGEST_SENTENCE = 300


def main(pipe: int) -> None:
    """Run what request.json in the current folder asks for, and end the process."""
    request = json.loads(Path("request.json").read_text(encoding="utf-8"))
    request["applied"] = []
    try:
        _protect(request)
        answer, arrays = _answer(request)
    except _FailedError as failure:
        answer, arrays = {"failed": str(failure)}, []
    with os.fdopen(pipe, "wb") as stream:
        _send(stream, answer, arrays)
    os._exit(0)


class _FailedError(Exception):
    """The submission has no answer; the text says why."""


def _protect(request: Mapping[str, Any]) -> None:
    """Put on the layers that are asked for; those not in `tried` must succeed."""
    site, own = Path(request["site"]), [Path.cwd(), Path(__file__).parent]
    needed = [Path(sys.base_prefix), *places.numpy_folders(site), *own]
    layers: dict[str, Callable[[], None]] = {
        "user": lambda: user.become(request["user"], needed),
        "limits": lambda: limits.limit(request["cpu_seconds"], request["memory_mib"]),
        "landlock": lambda: landlock.restrict(
            [*places.readable(site), *own], [*places.standard_library(), site]
        ),
        "seccomp": seccomp.refuse_calls,
    }
    for name, put_on in layers.items():
        if name in request["layers"]:
            try:
                put_on()
                request["applied"].append(name)
            except OSError as error:
                if "trial" not in request:
                    raise _FailedError(f"it could not be closed in ({name}: {error})") from None
        if name == "user":  # a change of user takes it away
            _end_with(request["grader"])


def _end_with(grader: int) -> None:
    """Let the process not outlive the one that grades."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != grader:
        os._exit(1)


def _answer(request: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    if "trial" in request:
        _with_numpy(request["site"])
        from .trial import open_ways

        return {"open": open_ways(request), "applied": request["applied"]}, []
    np = _with_numpy(request["site"])
    from .exchange import decode, encode

    loaded = [np.load(f"inputs/{i}.npy", allow_pickle=False) for i in range(request["arrays"])]
    os.chdir("home")
    function = _function(request["file"], request["function"])
    arrays: list[Any] = []
    trees = []
    for tree in request["sets"]:
        args, keywords = decode(tree, loaded)
        result = _called(function, *args, **keywords)
        try:
            trees.append(encode(result, arrays))
        except TypeError as error:
            raise _FailedError(f"it returned {error}") from None
        except RecursionError:
            raise _FailedError("it returned a container that holds itself") from None
    return {"sets": trees}, arrays


def _with_numpy(site: str) -> Any:
    """NumPy, loaded from its folder without leaving what lies beside it on the path."""
    sys.path.append(site)
    import numpy as np

    sys.path.remove(site)
    return np


def _function(file: str, name: str) -> Callable[..., Any]:
    """The function of a name in the submission's file."""
    path = Path.cwd().parent / "submission" / file
    sys.path[0] = str(path.parent)
    spec = importlib.util.spec_from_file_location("submission", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["submission"] = module
    _called(spec.loader.exec_module, module)
    function = getattr(module, name, None)
    if not callable(function):
        raise _FailedError(f"it has no function {name}")
    return function  # type: ignore[no-any-return]


def _called(function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
    """The result of a function of the submission; whatever it raises is told in a sentence."""
    try:
        return function(*args, **keywords)
    except SystemExit:
        raise _FailedError("it called sys.exit") from None
    except BaseException as error:
        raise _FailedError(_told(error)) from None


def _told(error: BaseException) -> str:
    kind, text = type(error).__name__, str(error).strip().partition("\n")[0]
    told = f"it raised {kind}: {text}" if text else f"it raised {kind}"
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).parent.name == "submission":
            line = number
    return told[:LONGEST_SENTENCE] + (f" (line {line})" if line else "")


def _send(stream: BinaryIO, answer: Mapping[str, Any], arrays: list[Any]) -> None:
    stream.write(json.dumps(answer).encode() + b"\n")
    for array in arrays:
        np = sys.modules["numpy"]
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        stream.write(buffer.getvalue())
