"""Emitted module -> machine code, once per machine: compiled by Numba, kept by `cache`.

The functions of the module become functions that compiled code may call, the entry one that Python
may call. What they call of this package is told to Numba here too. Arrays that one call passes to
a function of the module must not overlap, unless nothing is written to them: loops over many
arrays are vectorized only under this promise. And compiled functions allocate no array: one that
does is refused when it is compiled.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pickle
import platform
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ...errors import MissingExtraError
from . import NotCompilable
from . import cache as store

__all__ = ["OPTIONS", "available", "compiled_here", "kept", "load_native", "load_plain"]

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # Neither "nnan" nor "ninf": with those, Numba compiles isnan(nan) to False.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
    # No reference is counted, and nothing is allocated.
    "_nrt": False,
}
"""How Numba compiles the functions of an emitted module."""

compiled_here: list[str] = []
"""The keys of what this process compiled itself, in order."""

# One thread compiles or loads at a time, as with Numba's own lock. A fork waits for it: a child
# that began with the locks of a compiling thread would never get them.
_lock = threading.RLock()
_loaded: dict[str, Callable[..., Any]] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def available() -> str:
    """An empty text if programs can be compiled here, else one sentence that says what to do.

    It looks whether Numba and SciPy are installed; it imports neither.
    """
    for name in ("numba", "scipy"):
        if importlib.util.find_spec(name) is None:
            return (
                "The native engine needs Numba and SciPy, of which one is missing: "
                'pip install "pullback[fast]".'
            )
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "The native engine needs Numba's compiler, which NUMBA_DISABLE_JIT switches off."
    return ""


def load_plain(source: str) -> dict[str, Any]:
    """The names that an emitted module defines, as plain Python.

    Example:
        >>> load_plain("def twice(x):\\n    return x + x\\n")["twice"](2)
        4
    """
    namespace: dict[str, Any] = {"__name__": "pullback_plain"}
    exec(compile(source, "<emitted module>", "exec"), namespace)
    return namespace


def load_native(source: str, entry: str, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The entry function of an emitted module as machine code for exactly these arguments' types.

    It comes from this process, else from the disk, else from the compiler. Safe to call from
    several threads and processes: the same is compiled once.

    Args:
        source: The emitted module.
        entry: The name of its function that Python calls.
        arguments: Values of the types that it will be called with: arrays (dtype, dimensions and
            whether they may be written to count, not their lengths) and numbers.

    Returns:
        The compiled function. It releases the GIL, and raises TypeError for other types.

    Raises:
        MissingExtraError: When Numba or SciPy is missing.
        NotCompilable: When Numba cannot compile the module; the text says what it did not take.

    Example:
        >>> load_native("def twice(x):\\n    return x + x\\n", "twice", (1.0,))(2.0)
        4.0
    """
    problem = available()
    if problem:
        raise MissingExtraError(problem)
    import numba

    types = tuple(numba.typeof(argument) for argument in arguments)
    # The type of an array that is read only, or not aligned, has another name.
    name = store.key(stamp(), source, entry, *types)
    found = _loaded.get(name)
    if found is not None:
        return found
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(name, source, entry, types)
        return _loaded[name]


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """What `make()` returns, from the disk if it was made before by the same code on this machine.

    Args:
        name: What it is, among all that this package keeps.
        make: Makes it; the result must depend on nothing but this package and the machine.
    """
    key = store.key(stamp(), name)
    data = store.load(key)
    if data is None:
        with _lock, store.claim(key):
            data = store.load(key)
            if data is None:
                data = make()
                store.store(key, data, name, "made")
    return data


# ------------------------------------------------------------------------------- what code depends on


@cache
def stamp() -> str:
    """A hash of all that machine code depends on beside the emitted module and the types."""
    import llvmlite
    import numba
    import scipy
    from numba.core import config, registry

    from ... import __version__

    target = registry.cpu_target.target_context.codegen()
    return store.key(
        sources_digest(Path(__file__).parent),
        *(__version__, numba.__version__, llvmlite.__version__, np.__version__, scipy.__version__),
        *(sys.version, platform.platform()),
        # The triple, the processor's name and its features; a setting of Numba may change them.
        *target.magic_tuple(),
        *(config.OPT, config.USING_SVML, config.BOUNDSCHECK, config.DEBUGINFO_DEFAULT),
    )


def sources_digest(folder: Path) -> str:
    """A hash of every Python file below a folder: names and contents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


# ------------------------------------------------------------------------------------ load or compile


def _load(name: str, source: str, entry: str, types: tuple[Any, ...]) -> Callable[..., Any]:
    found = _from_disk(name, source, entry)
    if found is not None:
        return found
    with store.claim(name):
        # Another process may have compiled it while this one waited.
        found = _from_disk(name, source, entry)
        if found is not None:
            return found
        start = time.perf_counter()
        dispatcher, payload = _compile(name, source, entry, types)
        compiled_here.append(name)
        if payload is not None:
            seconds = time.perf_counter() - start
            store.store(name, payload, source, f"compiled in {seconds:.2f} s")
        return dispatcher


def _from_disk(name: str, source: str, entry: str) -> Callable[..., Any] | None:
    payload = store.load(name)
    if payload is None:
        return None
    from numba import njit
    from numba.core.compiler import CompileResult
    from numba.core.compiler_lock import global_compiler_lock

    # A symbol that LLVM does not find ends the process: first make those of this package known.
    _find_blocks(payload)
    dispatcher = njit(**OPTIONS)(_module(name, source, entry).__dict__[entry])
    try:
        with global_compiler_lock:
            context = dispatcher.targetctx
            context.refresh()
            result = CompileResult._rebuild(context, *pickle.loads(payload))
            context.insert_user_function(result.entry_point, result.fndesc, [result.library])
            dispatcher.add_overload(result)
    except Exception:
        # The digest was right, so another hand or version wrote it: compile it anew.
        store.drop(name)
        return None
    dispatcher.disable_compile()
    return dispatcher  # type: ignore[no-any-return]


def _compile(
    name: str, source: str, entry: str, types: tuple[Any, ...]
) -> tuple[Callable[..., Any], bytes | None]:
    """The compiled function, and what the disk keeps of it: None if it cannot be kept."""
    from numba import njit
    from numba.core.errors import NumbaError
    from numba.core.serialize import dumps

    from .pipeline import callee

    _tell_numba()
    module = _module(name, source, entry)
    for each, value in list(module.__dict__.items()):
        if isinstance(value, FunctionType) and value.__module__ == module.__name__:
            if each != entry:
                module.__dict__[each] = callee(value, OPTIONS)
    dispatcher = njit(no_cfunc_wrapper=True, **OPTIONS)(module.__dict__[entry])
    try:
        dispatcher.compile(types)
    except NumbaError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        raise NotCompilable(f"Numba cannot compile the emitted module: {first.strip()}") from error
    dispatcher.disable_compile()
    result = dispatcher.overloads[types]
    if result.library.has_dynamic_globals:
        return dispatcher, None
    return dispatcher, dumps(result._reduce())


def _module(name: str, source: str, entry: str) -> ModuleType:
    """The emitted module, known by a name of its own: what is kept on disk refers to it."""
    module = ModuleType(f"pullback_native_{name}")
    place = store.folder()
    path = "<emitted module>" if place is None else str(place / name / "source.py")
    exec(compile(source, path, "exec"), module.__dict__)
    sys.modules[module.__name__] = module
    return module


# ------------------------------------------------------------------------------ what emitted code calls


@cache
def _tell_numba() -> None:
    """Give compiled code its form of the functions of this package that emitted modules call."""
    from numba.extending import register_jitable

    from . import barrier, blocks, functions, products, runtime

    for function in functions.EVERY:
        register_jitable(**{**functions.OPTIONS, "_nrt": False})(function)
    for module in (products, runtime):
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                register_jitable(**OPTIONS)(function)
    blocks.register()
    barrier.register()


def _find_blocks(payload: bytes) -> None:
    """Make the blocks of products known to LLVM whose symbols occur in machine code."""
    from .blocks_code import engine_of

    for dtype in ("f4", "f8"):
        if any(f"pullback_block_{form}_{dtype}".encode() in payload for form in ("nn", "nt")):
            engine_of(dtype)
