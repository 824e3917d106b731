"""The machine code in which helping threads wait for calls, and the caller waits for them.

A thread that Python puts to sleep needs 20 to 90 us to wake up, and one that comes back from
machine code may have to wait for the interpreter. A step of a small network takes no longer. So
helpers stay in machine code from one call to the next, and look for it there.

They and the caller share lines of int64. In the first stands the number of calls so far, in the
line of each helper the number of those that it has done, and where code and arguments of the
present one lie.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from .blocks_code import target

LINE = 8
"""Entries of a line: 64 bytes, so that no thread writes where another one looks."""

DONE, CODE, TABLE = range(3)
"""Entries of a helper's line."""

LOOKS = 256
"""How often a thread looks before it yields to others. Under a microsecond: the one that it waits
for may need the same core."""

PATIENCE = 256
"""How often a helper yields before it gives up: about 0.2 ms if no other thread wants to run, far
more than Python needs between two calls."""

IDLE, FAILED = range(2)
"""Why a helper comes back to Python."""


class CrewCode(NamedTuple):
    """Functions of machine code, which take the addresses of lines.

    Attributes:
        call: `call(first)` counts a call: helpers begin with it.
        attend: `attend(first, own)` does one call after another, until none has come for a while
            (IDLE) or one has ended with an error (FAILED), which then does not count as done.
        wait: `wait(first, own)` returns when a helper has done all calls.
    """

    call: Callable[[int], None]
    attend: Callable[[int, int], int]
    wait: Callable[[int, int], None]


@cache
def crew_code() -> CrewCode:
    """The functions; loaded once, and never given back, since helpers may be in them."""
    from llvmlite import binding

    from .machine import kept

    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target())
    engine.add_object_file(binding.ObjectFileRef.from_data(kept("crew", _object_code)))
    engine.finalize_object()
    address, lines = engine.get_function_address, [ctypes.c_void_p] * 2
    code = CrewCode(
        # Counting a call takes less time than letting other threads into the interpreter.
        ctypes.PYFUNCTYPE(None, lines[0])(address("pullback_call")),
        ctypes.CFUNCTYPE(ctypes.c_int64, *lines)(address("pullback_attend")),
        ctypes.CFUNCTYPE(None, *lines)(address("pullback_wait")),
    )
    engine.detach()
    return code


def _object_code() -> bytes:
    from llvmlite import binding

    module = binding.parse_assembly(str(_module()))
    module.verify()
    code: bytes = target().emit_object(module)
    return code


def _module() -> Any:
    """The functions as a module of LLVM."""
    from llvmlite import ir

    module = ir.Module("pullback_crew")
    module.triple = target().triple
    none, word = ir.VoidType(), ir.IntType(64)
    ir.Function(module, ir.FunctionType(ir.IntType(32), []), "sched_yield")

    def writer(name: str, result: Any, lines: int) -> _Writer:
        kind = ir.FunctionType(result, [word.as_pointer()] * lines)
        return _Writer(ir.Function(module, kind, name))

    writer("pullback_call", none, 1).call()
    writer("pullback_attend", word, 2).attend()
    writer("pullback_wait", none, 2).wait()
    return module


class _Writer:
    """Writes a function of LLVM."""

    def __init__(self, function: Any) -> None:
        from llvmlite import ir

        self._first, *own = function.args
        self._own = own[0] if own else None
        self._builder = ir.IRBuilder(function.append_basic_block())
        self._word, self._line = ir.IntType(64), ir.IntType(64).as_pointer()
        self._code = ir.FunctionType(ir.IntType(32), [self._line]).as_pointer()

    def call(self) -> None:
        self._builder.atomic_rmw("add", self._first, self._word(1), "seq_cst")
        self._builder.ret_void()

    def wait(self) -> None:
        self._look_until("==")
        self._builder.ret_void()

    def attend(self) -> None:
        builder = self._builder
        begin = builder.append_basic_block("begin")
        builder.branch(begin)
        builder.position_at_end(begin)
        self._look_until("!=", PATIENCE)
        code, table = (builder.load(self._entry(place)) for place in (CODE, TABLE))
        arguments = [builder.inttoptr(table, self._line)]
        error = builder.call(builder.inttoptr(code, self._code), arguments)
        with builder.if_then(builder.icmp_signed("!=", error, error.type(0))):
            builder.ret(self._word(FAILED))
        builder.store_atomic(self._calls(), self._entry(DONE), "release", 8)
        builder.branch(begin)

    def _look_until(self, relation: str, patience: int = 0) -> None:
        """Go on when calls and those done are (un)equal; return IDLE when patience has ended."""
        builder, word = self._builder, self._word
        before = builder.block
        look, again, over = map(builder.append_basic_block, ("look", "again", "over"))
        builder.branch(look)
        builder.position_at_end(look)
        looks = builder.phi(word)
        looks.add_incoming(word(0), before)
        done = builder.load_atomic(self._entry(DONE), "acquire", 8)
        builder.cbranch(builder.icmp_signed(relation, self._calls(), done), over, again)
        builder.position_at_end(again)
        more = builder.add(looks, word(1))
        with builder.if_then(builder.icmp_signed("==", builder.urem(more, word(LOOKS)), word(0))):
            builder.call(builder.module.globals["sched_yield"], [])
            if patience:
                last = builder.icmp_signed("==", more, word(patience * LOOKS))
                with builder.if_then(last):
                    builder.ret(word(IDLE))
        looks.add_incoming(more, builder.block)
        builder.branch(look)
        builder.position_at_end(over)

    def _calls(self) -> Any:
        return self._builder.load_atomic(self._first, "acquire", 8)

    def _entry(self, place: int) -> Any:
        return self._builder.gep(self._own, [self._word(place)])
