"""The same program with its floating values in another precision."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..avals import Aval, Dtype
from ..primitive import Literal
from ..program import Atom, Program, Var


def retype(program: Program, dtype: Dtype) -> Program:
    """Every strong floating value of a program in `dtype`; see `Program.astype`."""
    changed: dict[Var, Var] = {}

    def of_aval(aval: Aval) -> Aval:
        return replace(aval, dtype=dtype) if aval.is_float and not aval.weak else aval

    def of_var(var: Var) -> Var:
        return changed.setdefault(var, replace(var, aval=of_aval(var.aval)))

    def of_atom(atom: Atom) -> Atom:
        if isinstance(atom, Literal):
            strong = atom.aval.is_float and not atom.aval.weak
            return Literal(dtype.type(atom.value)) if strong else atom
        return of_var(atom)

    def of_param(value: Any) -> Any:
        return dtype if isinstance(value, np.dtype) and value.kind == "f" else value

    inputs = tuple(map(of_var, program.inputs))
    equations = []
    for equation in program.equations:
        operands = tuple(map(of_atom, equation.inputs))
        params = MappingProxyType({k: of_param(v) for k, v in equation.params.items()})
        aval = equation.primitive.aval(*(atom.aval for atom in operands), **params)
        out = changed.setdefault(equation.out, replace(equation.out, aval=aval))
        equations.append(replace(equation, inputs=operands, params=params, out=out))
    defaults = {
        of_var(var): value.astype(dtype) if var.aval.is_float else value
        for var, value in program.defaults.items()
    }
    return replace(
        program,
        inputs=inputs,
        equations=tuple(equations),
        outputs=tuple(map(of_atom, program.outputs)),
        defaults=MappingProxyType(defaults),
    )
