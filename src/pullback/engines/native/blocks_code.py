"""The machine code of blocks: made once, apart from the programs that call it.

LLVM turns what `panels`, `live` and `sums` write into code as it stands, in 1.2 to 1.4 s for a
dtype; its optimizer finds nothing there to improve. Programs call the functions by their symbols,
as they would call BLAS: no program compiles them again, and the code of a program may be kept on
disk.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from .panels import write_block
from .sums import write_sum
from .vectors import Form

UPRIGHT, TRANSPOSED, SUM = "nn", "nt", "sum"
"""The functions of a dtype: a block of a @ b, of a @ b.T, and a sum over rows."""


def symbol(form: Form, kind: str) -> str:
    """The name of a function: "nn", "nt" or "sum"."""
    return f"pullback_block_{kind}_{form.dtype}_{form.lanes}"


@cache
def register_bytes() -> int:
    """The size of the vector registers that tiles are written for."""
    from llvmlite import binding

    has = binding.get_host_cpu_features()
    if has.get("avx512f"):
        return 64
    if has.get("avx2") or not any(name.startswith("sse") for name in has):
        return 32  # 16 registers of 32 bytes, or 32 of 16 as on ARM
    return 16


def form_of(dtype: str) -> Form:
    """The form of the entries "f4" or "f8" on this machine."""
    return Form(dtype, register_bytes() // {"f4": 4, "f8": 8}[dtype])


def target() -> Any:
    """This machine, as LLVM sees it: a new description, since an engine owns the one it gets."""
    from llvmlite import binding

    for start in (binding.initialize_native_target, binding.initialize_native_asmprinter):
        start()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
        reloc="pic",
        codemodel="jitdefault",
        jit=True,
    )


def module_of(dtype: str) -> Any:
    """The functions of a dtype as a module of LLVM, before they are machine code."""
    from llvmlite import binding, ir

    module = ir.Module(f"pullback_blocks_{dtype}")
    module.triple = target().triple
    form = form_of(dtype)
    for kind in (UPRIGHT, TRANSPOSED):
        write_block(module, form, kind == TRANSPOSED, symbol(form, kind))
    write_sum(module, form, symbol(form, SUM))
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    return parsed


def object_code(dtype: str) -> bytes:
    """The machine code of a dtype's functions: an object file for this machine."""
    code: bytes = target().emit_object(module_of(dtype))
    return code


def call(builder: Any, name: str, given: list[Any]) -> None:
    """Write a call of one of these functions into another module."""
    from llvmlite import ir

    kind = ir.FunctionType(ir.VoidType(), [each.type for each in given])
    known = builder.module.globals.get(name)
    builder.call(known or ir.Function(builder.module, kind, name), given)


@cache
def engine_of(dtype: str) -> Any:
    """The loaded functions of a dtype, known to LLVM by their symbols from now on."""
    from llvmlite import binding

    from .machine import kept

    empty = binding.parse_assembly("")
    engine = binding.create_mcjit_compiler(empty, target())
    code = kept(f"blocks of {dtype}", lambda: object_code(dtype))
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    for kind in (UPRIGHT, TRANSPOSED, SUM):
        name = symbol(form_of(dtype), kind)
        binding.add_symbol(name, engine.get_function_address(name))
    return engine
