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
import json
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ...errors import MissingExtraError
from ..choice import tell_of_compiling
from . import NotCompilable
from . import cache as store
from .calling import Compiled, kind_of
from .pipeline import ENTRY, Code, callee, callee_options, compiled

__all__ = ["OPTIONS", "assembly", "available", "compiled_here", "kept", "load_native", "load_plain"]

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # Neither "nnan" nor "ninf": with those, Numba compiles isnan(nan) to False.
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
    # No reference is counted, and nothing is allocated.
    "_nrt": False,
}
"""How Numba compiles the functions of an emitted module."""

DEEPEST = 20_000
"""How deep Python may recurse while Numba compiles."""

compiled_here: list[str] = []
"""The keys of what this process compiled itself, in order."""

# One thread compiles or loads at a time, as with Numba's own lock. A fork waits for it: a child
# that began with the locks of a compiling thread would never get them.
_lock = threading.RLock()
_loaded: dict[str, Compiled] = {}
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def available() -> str:
    """An empty text if programs can be compiled here, else one sentence that says what to do.

    It looks whether Numba is installed, and does not import it.
    """
    if importlib.util.find_spec("numba") is None:
        return (
            'The native engine needs Numba, which is not installed: pip install "pullback[fast]".'
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


def load_native(source: str, entry: str, arguments: tuple[Any, ...]) -> Compiled:
    """The entry function of an emitted module as machine code for exactly these arguments' types.

    It comes from this process, else from the disk, else from the compiler. Safe to call from
    several threads and processes: the same is compiled once.

    Args:
        source: The emitted module.
        entry: The name of its function that Python calls; it returns a number or None.
        arguments: Values of the types that it will be called with: C-contiguous arrays (dtype,
            dimensions and whether they may be written to count, not their lengths) and numbers.

    Returns:
        The compiled function. It releases the GIL, raises TypeError for other types and IndexError
        for an index out of bounds; `bind(*arguments)` gives a call without the cost of looking
        at the arguments again.

    Raises:
        MissingExtraError: When Numba is missing.
        NotCompilable: When Numba cannot compile the module; the text says what it did not take.

    Example:
        >>> load_native("def twice(x):\\n    return x + x\\n", "twice", (1.0,))(2.0)
        4.0
    """
    problem = available()
    if problem:
        raise MissingExtraError(problem)
    kinds = tuple(kind_of(argument) for argument in arguments)
    name = store.key(stamp(), source, entry, *kinds)
    found = _loaded.get(name)
    if found is not None:
        return found
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(name, source, entry, kinds)
        return _loaded[name]


def assembly(source: str, entry: str, arguments: tuple[Any, ...]) -> str:
    """The assembly of what `load_native` compiles, to be read; compiled anew, and not kept."""
    with _lock:
        return _compile(source, entry, tuple(kind_of(each) for each in arguments), True).assembly


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


# What code depends on.


@cache
def stamp() -> str:
    """A hash of all that machine code depends on beside the emitted module and the types."""
    from importlib.metadata import version

    from llvmlite import binding

    return store.key(
        sources_digest(Path(__file__).parent),
        *(sys.version, platform.machine(), sys.platform),
        *(version(name) for name in ("numba", "llvmlite", "numpy")),
        *(binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()),
        # Numba's settings: optimization, processor ... A worker of joblib sets how many threads
        # Numba's own parallel loops take, of which there are none.
        *(
            sorted(
                f"{k}={v}"
                for k, v in os.environ.items()
                if k.startswith("NUMBA_") and k != "NUMBA_NUM_THREADS"
            )
        ),
    )


def sources_digest(folder: Path) -> str:
    """A hash of every Python file below a folder: names and contents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.hexdigest()


# Load or compile.


def _load(name: str, source: str, entry: str, kinds: tuple[str, ...]) -> Compiled:
    found = _from_disk(name, kinds)
    if found is not None:
        return found
    with store.claim(name):
        # Another process may have compiled it while this one waited.
        found = _from_disk(name, kinds)
        if found is not None:
            return found
        tell_of_compiling()
        start = time.perf_counter()
        code = _compile(source, entry, kinds)
        compiled_here.append(name)
        seconds = time.perf_counter() - start
        store.store(name, _packed(code), source, f"compiled in {seconds:.2f} s")
        return _linked(code, kinds)


def _from_disk(name: str, kinds: tuple[str, ...]) -> Compiled | None:
    data = store.load(name)
    if data is None:
        return None
    try:
        return _linked(_unpacked(data), kinds)
    except (ValueError, LookupError, RuntimeError):
        # The digest was right, so another hand wrote it, or a symbol is gone: compile it anew.
        store.drop(name)
        return None


def _packed(code: Code) -> bytes:
    head = json.dumps({"symbols": code.symbols, "result": code.result}).encode()
    return b"%d\n" % len(head) + head + code.object


def _unpacked(data: bytes) -> Code:
    length, _, rest = data.partition(b"\n")
    head = json.loads(rest[: int(length)])
    return Code(rest[int(length) :], tuple(head["symbols"]), head["result"])


def _linked(code: Code, kinds: tuple[str, ...]) -> Compiled:
    """Machine code in memory, ready to be called.

    Raises:
        LookupError: When this process lacks a symbol; LLVM would end the process instead.
    """
    from llvmlite import binding

    from .blocks_code import engine_of, target

    for dtype in ("f4", "f8"):
        if any(name.startswith("pullback_block") and dtype in name for name in code.symbols):
            engine_of(dtype)
    # An engine opens this process to LLVM: before that, no symbol of the system is found.
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target())
    find = binding.address_of_symbol
    if not all(find(symbol) for symbol in code.symbols):
        # A helper of Numba's: known once its context is there. Slow, so emitted code avoids them.
        from numba.core.registry import cpu_target

        cpu_target.target_context.refresh()
    for symbol in code.symbols:
        if not find(symbol):
            raise LookupError(f"Machine code refers to {symbol}, which this process does not have.")
    engine.add_object_file(binding.ObjectFileRef.from_data(code.object))
    engine.finalize_object()
    return Compiled(engine.get_function_address(ENTRY), kinds, code.result, engine)


def _compile(source: str, entry: str, kinds: tuple[str, ...], show: bool = False) -> Code:
    try:
        from numba.core.errors import NumbaError
    except Exception as error:
        raise NotCompilable(f"Numba is installed, but cannot be imported: {error}.") from error

    from .arrays import machine_forms

    _tell_numba()
    module = ModuleType("pullback_emitted")
    exec(compile(source, "<emitted module>", "exec"), module.__dict__)
    module.__dict__.update(machine_forms())
    for name, value in list(module.__dict__.items()):
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        if own and name != entry:
            module.__dict__[name] = callee(value, OPTIONS, hasattr(value, "may_overlap"))
    deepest = sys.getrecursionlimit()
    try:
        # Numba walks the blocks of a function one inside the other; a deep network has many.
        sys.setrecursionlimit(max(deepest, DEEPEST))
        return compiled(module.__dict__[entry], kinds, OPTIONS, show)
    except NumbaError as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "")
        raise NotCompilable(f"Numba cannot compile the emitted module: {first.strip()}") from error
    finally:
        sys.setrecursionlimit(deepest)


@cache
def _tell_numba() -> None:
    """Give compiled code its form of the functions of this package that emitted modules call."""
    from numba.extending import register_jitable

    from . import barrier, blocks, functions, products, runtime, sharing, sums

    for function in functions.EVERY:
        register_jitable(**callee_options({**functions.OPTIONS, "_nrt": False}))(function)
    for module in (products, runtime):
        for function in vars(module).values():
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                register_jitable(**callee_options(OPTIONS))(function)
    for shared in (sharing._speed, sharing.part, sharing.share_anew):
        register_jitable(**callee_options(OPTIONS))(shared)
    blocks.register()
    sharing.register()
    sums.register()
    barrier.register()
