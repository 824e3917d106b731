"""Where threads of compiled code wait for each other and share work, without the interpreter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

__all__ = ["take_piece", "wait"]

ARRIVED, ROUND, STOP, STOPPED, FIRST_UPDATE, STEPS, ORDERED, FAILED, FINITE = range(9)
"""What the entries of a control array count or say."""

TAKEN = 16
"""How many pieces have been taken; on a cache line of its own, since threads look at the others."""

SPINS = 4096
"""Looks at the round before the thread yields to others; a few microseconds."""


def new_control() -> Any:
    """A control array; its entries lie 64 bytes apart from other data."""
    return np.zeros(64, np.int64)


def give_up(control: Any) -> None:
    """Let the other threads not wait for one that has failed."""
    control[[STOP, STOPPED, FAILED]] = 1


def wait(control: Any, threads: int) -> None:
    """Return when all threads have come here, or one has failed. Plain code has one thread."""
    if threads != 1:
        raise RuntimeError("only compiled code waits for other threads")


def take_piece(control: Any) -> int:
    """The number of the next piece of work that no thread has taken yet.

    Threads that are held up, by other programs or because they began late, take fewer.
    """
    control[TAKEN] += 1
    return int(control[TAKEN]) - 1


_registered: list[Any] = []


def register() -> None:
    """Give compiled code its forms: atomic counts; to wait, a short spin, then yielding."""
    if _registered:
        return
    from llvmlite import ir
    from numba.extending import intrinsic, overload

    cgutils: Any = import_module("numba.core.cgutils")
    types: Any = import_module("numba.core.types")

    def pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        return cgutils.gep(builder, array.data, args[1])

    @intrinsic
    def atomic_add(typing: Any, array: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            one = ir.Constant(ir.IntType(64), 1)
            return builder.atomic_rmw(
                "add", pointer(context, builder, signature, args), one, "seq_cst"
            )

        return types.int64(array, types.intp), code

    @intrinsic
    def atomic_load(typing: Any, array: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.load_atomic(pointer(context, builder, signature, args), "seq_cst", 8)

        return types.int64(array, types.intp), code

    @intrinsic
    def atomic_clear(typing: Any, array: Any, index: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            zero = ir.Constant(ir.IntType(64), 0)
            builder.store_atomic(zero, pointer(context, builder, signature, args), "seq_cst", 8)
            return context.get_dummy_value()

        return types.void(array, types.intp), code

    add: Any = atomic_add
    load: Any = atomic_load
    clear: Any = atomic_clear
    yield_thread = types.ExternalFunction("sched_yield", types.int32())

    def waiting(control: Any, threads: Any) -> Any:
        def implementation(control: Any, threads: Any) -> None:
            present = load(control, ROUND)
            if add(control, ARRIVED) + 1 == threads:
                clear(control, ARRIVED)
                add(control, ROUND)
                return
            spins = 0
            while load(control, ROUND) == present:
                spins += 1
                if spins > SPINS:
                    if load(control, FAILED) != 0:
                        return
                    yield_thread()

        return implementation

    def taking(control: Any) -> Any:
        def implementation(control: Any) -> int:
            return int(add(control, TAKEN))

        return implementation

    _registered.extend([overload(wait)(waiting), overload(take_piece)(taking)])
