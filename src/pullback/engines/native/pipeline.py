"""Numba as a front end: the types and the LLVM code of a module are its work, the rest is not.

Numba compiles every function apart, optimizes it and makes machine code of it, again as a part of
each of its callers, and again with a form for Python. Here a function stays as it was lowered
until all are together, and is then optimized and made machine code once. The result is an object
file that needs neither Numba nor Python: another process calls it as soon as LLVM has loaded it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from .calling import ERROR, FIRST, RESULT

__all__ = ["Code", "callee", "callee_options", "compiled"]

ENTRY = "pullback_entry"
"""The symbol of the function that Python calls."""


@dataclass(frozen=True)
class Code:
    """Machine code of a module.

    Attributes:
        object: An object file.
        symbols: What it expects from the process that loads it.
        result: The kind of the number that the entry returns; empty for None.
        assembly: The same, to be read; empty unless asked for.
    """

    object: bytes
    symbols: tuple[str, ...]
    result: str
    assembly: str = ""


def callee_options(options: dict[str, Any], may_overlap: bool = False) -> dict[str, Any]:
    """The options with which Numba compiles what only compiled code calls.

    Args:
        options: Of Numba.
        may_overlap: Whether the arrays that the function takes may share memory.
    """
    own = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return {**options, **own, "pipeline_class": _compiler(may_overlap)}


def callee(function: Callable[..., Any], options: dict[str, Any], may_overlap: bool) -> Any:
    """A function that compiled code calls, compiled once for all numbers of a kind.

    Numba would compile it anew for each number that stands in the source of a call.
    """
    from numba import njit, types

    dispatcher: Any = njit(**callee_options(options, may_overlap))(function)
    template = dispatcher.get_call_template

    def of_kinds(args: Any, kws: Any) -> Any:
        return template(tuple(map(types.unliteral, args)), kws)

    dispatcher.get_call_template = of_kinds
    return dispatcher


def compiled(
    entry: Callable[..., Any], kinds: tuple[str, ...], options: dict[str, Any], show: bool = False
) -> Code:
    """The machine code of a function and all that it calls, for arguments of some kinds.

    Args:
        entry: The function; those of its module are compiled functions already.
        kinds: Of its arguments, as `calling.kind_of` writes them.
        options: Of Numba.
        show: Whether to give the assembly too.

    Raises:
        numba.core.errors.NumbaError: When Numba cannot compile it.
    """
    from numba import njit
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler_lock import global_compiler_lock

    library: Any = JITCodeLibrary
    with global_compiler_lock:
        dispatcher = njit(**callee_options(options))(entry)
        types = tuple(_type_of(kind) for kind in kinds)
        dispatcher.compile(types)
        part = dispatcher.overloads[types]
        context = part.target_context
        whole: Any = library(context.codegen(), ENTRY)
        whole.add_ir_module(_entry_module(context, part, types))
        whole.add_linking_library(part.library)
        return _finished(whole, _kind_of_type(part.signature.return_type), show)


def _finished(whole: Any, result: str, show: bool) -> Code:
    """Link the parts, optimize, and write the object file: what a library does when it ends.

    Numba's own way from here would load the code into its engine, which keeps it for ever.
    """
    for library in dict.fromkeys(whole._linking_libraries):
        whole._final_module.link_in(library._get_module_for_linking(), preserve=True)
    module = whole._final_module
    for function in module.functions:
        # Nobody else calls it: LLVM writes a function that has one call out where it is called.
        if not function.is_declaration and function.name != ENTRY:
            function.linkage = "internal"
    whole._optimize_final_module()
    module.verify()
    declared = (each for each in (*module.functions, *module.global_variables))
    symbols = tuple(
        sorted(
            each.name
            for each in declared
            if each.is_declaration and not each.name.startswith("llvm.")
        )
    )
    machine = whole._codegen._tm
    assembly = machine.emit_assembly(module) if show else ""
    return Code(machine.emit_object(module), symbols, result, assembly)


def _entry_module(context: Any, part: Any, types: tuple[Any, ...]) -> Any:
    """`int32 pullback_entry(int64 *table)`: takes the arguments from the table, and calls."""
    from llvmlite import ir
    from numba.core import types as kinds
    from numba.np import arrayobj

    fill: Any = arrayobj.populate_array
    module = context.codegen()._create_empty_module(ENTRY)
    word, small = ir.IntType(64), ir.IntType(32)
    function = ir.Function(module, ir.FunctionType(small, [word.as_pointer()]), ENTRY)
    builder = ir.IRBuilder(function.append_basic_block())
    (table,) = function.args
    place = FIRST

    def address(number: int) -> Any:
        return builder.gep(table, [word(number)])

    def number(kind: Any, place: int) -> Any:
        data = context.get_data_type(kind)
        value = builder.load(builder.bitcast(address(place), data.as_pointer()))
        return context.data_model_manager[kind].from_data(builder, value)

    values = []
    for kind in types:
        if not isinstance(kind, kinds.Array):
            values.append(number(kind, place))
            place += 1
            continue
        shape = [builder.load(address(place + 1 + axis)) for axis in range(kind.ndim)]
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        strides = [word(size)]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        array = context.make_array(kind)(context, builder)
        pointer = context.get_data_type(kind.dtype).as_pointer()
        data = builder.inttoptr(builder.load(address(place)), pointer)
        fill(array, data, shape, strides[: kind.ndim], size, None)
        values.append(array._getvalue())
        place += 1 + kind.ndim

    result = part.signature.return_type
    callee = context.declare_function(module, part.fndesc)
    status, value = context.call_conv.call_function(builder, callee, result, types, values)
    with builder.if_then(status.is_error, likely=False):
        described = builder.ptrtoint(status.excinfoptr, word)
        builder.store(described, address(ERROR))
        builder.ret(small(1))
    if not isinstance(result, kinds.NoneType):
        data = context.data_model_manager[result].as_data(builder, value)
        builder.store(data, builder.bitcast(address(RESULT), data.type.as_pointer()))
    builder.ret(small(0))
    return module


def _type_of(kind: str) -> Any:
    """Numba's type of a kind."""
    from numba import types
    from numba.np.numpy_support import from_dtype

    name, bracket, rest = kind.partition("[")
    dtype = types.boolean if name == "bool" else from_dtype(np.dtype(name))
    if not bracket:
        return dtype
    dimensions, _, _ = rest.partition("]")
    return types.Array(dtype, int(dimensions), "C", readonly=kind.endswith("!"))


def _kind_of_type(result: Any) -> str:
    from numba import types
    from numba.np.numpy_support import as_dtype

    if isinstance(result, types.NoneType):
        return ""
    if isinstance(result, types.Boolean):
        return "bool"
    if not isinstance(result, types.Integer | types.Float):
        raise TypeError(f"The entry of an emitted module returns a number or None, not {result}.")
    return as_dtype(result).str[1:]


@cache
def _compiler(may_overlap: bool) -> type:
    """Numba's compiler for a part of a module."""
    from numba.core.codegen import JITCodeLibrary
    from numba.core.compiler import Compiler

    library: Any = JITCodeLibrary
    compiler: Any = Compiler

    class WithoutEnvironment:
        """The code generator for a part; what Python would need of it is not there."""

        def __init__(self, codegen: Any) -> None:
            self._codegen = codegen

        def __getattr__(self, name: str) -> Any:
            return getattr(self._codegen, name)

        def set_env(self, name: str, environment: Any) -> None:
            pass

    class Part(library):  # type: ignore[misc]
        """A function as it was lowered, and those that it calls."""

        @property
        def codegen(self) -> Any:
            return WithoutEnvironment(self._codegen)

        def _optimize_functions(self, module: Any) -> None:
            module.data_layout = self._codegen._data_layout

        def _optimize_final_module(self) -> None:
            pass

        def _finalize_final_module(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            self._ensure_finalized()
            return 0

    class PartCompiler(compiler):  # type: ignore[misc]
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            # LLVM vectorizes a loop over several arrays only if it knows that what is written is
            # not read through another. It can look at run time, but gives up beyond some pairs.
            self.state.flags.noalias = not may_overlap
            self.state.library = Part(self.state.targetctx.codegen(), "part")
            self.state.library.enable_object_caching()

    return PartCompiler
