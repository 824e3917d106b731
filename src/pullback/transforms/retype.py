"""The same equations over other types: another precision, or lengths instead of axis names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..avals import Aval, Dtype
from ..dims import Dim, Slice, evaluate
from ..errors import UsageError
from ..primitive import Literal
from ..program import Atom, Origin, Program, Var


def retype(program: Program, dtype: Dtype) -> Program:
    """Every strong floating value of a program in `dtype`; see `Program.astype`."""
    if dtype.kind != "f":
        raise UsageError(f"astype({dtype}): a program's precision is a float dtype: f4 or f8.")

    def of_aval(aval: Aval) -> Aval:
        return replace(aval, dtype=dtype) if aval.is_float and not aval.weak else aval

    def of_param(value: Any) -> Any:
        return dtype if isinstance(value, np.dtype) and value.kind == "f" else value

    def of_default(value: Any) -> Any:
        of_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return value.astype(dtype) if of_array else value

    return _with_types(program, of_aval, of_param, of_default)


def specialize(program: Program, sizes: Mapping[str, Any]) -> Program:
    """A program whose axes have these lengths (numbers, or dimensions of another program)."""

    def of_dim(dim: Any) -> Any:
        return evaluate(dim, sizes) if isinstance(dim, Dim) else dim

    def of_aval(aval: Aval) -> Aval:
        return replace(aval, shape=tuple(map(of_dim, aval.shape)))

    def of_param(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(of_param, value))
        if isinstance(value, Slice):
            return replace(value, start=of_dim(value.start), stop=of_dim(value.stop))
        return of_dim(value)

    return _with_types(program, of_aval, of_param, lambda value: value)


def _with_types(
    program: Program,
    of_aval: Callable[[Aval], Aval],
    of_param: Callable[[Any], Any],
    of_default: Callable[[Any], Any],
) -> Program:
    changed: dict[Var, Var] = {}

    def of_every_param(value: Any) -> Any:
        is_program = isinstance(value, Program)
        return _with_types(value, of_aval, of_param, of_default) if is_program else of_param(value)

    def of_input(var: Var) -> Var:
        return changed.setdefault(var, replace(var, aval=of_aval(var.aval)))

    def of_atom(atom: Atom) -> Atom:
        if isinstance(atom, Var):
            return changed[atom]
        return atom if atom.aval.weak else Literal(of_aval(atom.aval).dtype.type(atom.value))

    inputs = tuple(map(of_input, program.inputs))
    equations = []
    for equation in program.equations:
        operands = tuple(map(of_atom, equation.inputs))
        params = MappingProxyType({key: of_every_param(v) for key, v in equation.params.items()})
        aval = equation.primitive.aval(*(atom.aval for atom in operands), **params)
        changed[equation.out] = replace(equation.out, aval=aval)
        out = changed[equation.out]
        equations.append(replace(equation, inputs=operands, params=params, out=out))
    defaults = {changed[var]: of_default(value) for var, value in program.defaults.items()}
    origin = program.origin and _origin_with_types(program.origin, of_aval, of_param, of_default)
    return replace(
        program,
        inputs=inputs,
        equations=tuple(equations),
        outputs=tuple(map(of_atom, program.outputs)),
        defaults=MappingProxyType(defaults),
        origin=origin,
    )


def _origin_with_types(origin: Origin, *changes: Callable[[Any], Any]) -> Origin:
    program = _with_types(origin.program, *changes)
    changed = dict(zip(origin.program.inputs, program.inputs, strict=True))
    return replace(origin, program=program, wrt=tuple(changed[var] for var in origin.wrt))
