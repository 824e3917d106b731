"""Program -> Program that computes Jacobian-vector products: the transpose of the VJP program.

A VJP program is linear in the cotangent, v -> v J. Its own VJP with respect to v is therefore
t -> J t, whatever v is. So a primitive has one derivative rule, and no second formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from ..primitives.shapes import full
from ..program import FORWARD, Argument, Atom, Equation, Program, Var
from ..trees import LEAF, Structure
from .simplify import simplify
from .vjp import tuple_of, vjp_program


def jvp_program(program: Program, wrt: Sequence[Var], result: Structure | None = None) -> Program:
    """The program (inputs, one tangent per input in `wrt`) -> one tangent per floating output.

    Args:
        program: The forward program.
        wrt: Floating inputs of it; the others do not move.
        result: The container of the tangents; a tuple in the order of the outputs when None.

    Returns:
        A simplified program. Its further inputs are named after those in `wrt`: name + _dot.
    """
    pulled = vjp_program(program, wrt)
    count = len(program.argument_inputs)
    cotangents = pulled.argument_inputs[count:]
    twice = vjp_program(pulled, cotangents)
    tangents = twice.argument_inputs[count + len(cotangents) :]
    names = [_dotted(program.names[var]) for var in wrt]
    floating = [atom for atom in program.outputs if atom.aval.is_float]
    transposed = replace(
        twice,
        name=f"jvp_{program.name}",
        inputs=tuple(var for var in twice.inputs if var not in set(cotangents)),
        equations=(*map(_zeros, cotangents), *twice.equations),
        arguments=(*program.arguments, *(Argument(name, LEAF) for name in names)),
        result=result or tuple_of(len(floating)),
        output_names=tuple(
            _dotted(program.names[atom]) if isinstance(atom, Var) else None for atom in floating
        ),
        origin=None,
    )
    hints = dict(zip(tangents, names, strict=True))
    known = {*program.inputs, *(equation.out for equation in program.equations)}
    return _named_tangents(simplify(transposed), hints, _primals(program, pulled), known)


def _dotted(name: str) -> str:
    return f"{name}_dot"


def _zeros(var: Var) -> Equation:
    """Numbers for a cotangent, on which no tangent depends."""
    params = {"shape": var.aval.shape, "value": 0.0, "dtype": var.aval.dtype}
    return Equation(full, (), MappingProxyType(params), var)


def _primals(program: Program, pulled: Program) -> dict[str, Var]:
    """For the name of each cotangent in the VJP program, the value that it is a cotangent of."""
    by_name = {name: var for var, name in program.names.items()}
    return {
        name: by_name[var.cotangent_of]
        for var, name in pulled.names.items()
        if var.cotangent_of in by_name
    }


def _named_tangents(
    program: Program, hints: dict[Var, str], primals: dict[str, Var], known: set[Var]
) -> Program:
    """The program with tangents by their names, x_dot for that of x, all in the forward stage.

    The cotangent of a cotangent of x is the tangent of x. Known values keep their names.
    """

    def renamed(var: Var) -> Var:
        if var in known:
            return var
        if var in hints:
            return replace(var, hint=hints[var], named=True, cotangent_of="")
        primal = primals.get(var.cotangent_of)
        if primal is None:
            return replace(var, cotangent_of="")
        return replace(var, hint=_dotted(primal.hint), named=primal.named, cotangent_of="")

    changed = {v: renamed(v) for v in (*program.inputs, *(e.out for e in program.equations))}

    def of(atom: Atom) -> Atom:
        return changed[atom] if isinstance(atom, Var) else atom

    return replace(
        program,
        inputs=tuple(changed[var] for var in program.inputs),
        equations=tuple(
            replace(e, inputs=tuple(map(of, e.inputs)), out=changed[e.out], stage=FORWARD)
            for e in program.equations
        ),
        outputs=tuple(map(of, program.outputs)),
        defaults=MappingProxyType({changed[v]: value for v, value in program.defaults.items()}),
    )
