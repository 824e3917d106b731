"""The reverse sweep: Program -> Program that computes vector-Jacobian products.

The sweep walks the equations backwards. At each it asks the primitive's rule for the cotangents
of the inputs, undoes broadcasting, and adds up what arrives at each value over all its uses:
the sum over children of the chain rule. No Jacobian is ever built.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..errors import UsageError
from ..primitive import Literal
from ..program import BACKWARD, Argument, Atom, Equation, Program, Var
from ..tracing.builder import Builder
from ..tracing.traced import TracedArray
from ..trees import LEAF, Structure
from .simplify import simplify


def vjp_program(program: Program, wrt: Sequence[Var], result: Structure | None = None) -> Program:
    """The program (inputs, one cotangent per output) -> one cotangent per input in `wrt`.

    Args:
        program: The forward program.
        wrt: Floating inputs of it.
        result: The container of the cotangents; a tuple in the order of `wrt` when None.

    Returns:
        A simplified program. Its further inputs are named after the outputs: d + name, or ct.
        Outputs without a floating dtype get no cotangent input.
    """
    builder = _continued(program)
    cotangents: list[tuple[Atom, TracedArray]] = []
    arguments = list(program.arguments)
    for atom, name in zip(program.outputs, cotangent_names(program), strict=True):
        if atom.aval.is_float:
            var = builder.add_input(Aval(atom.aval.dtype, atom.aval.shape), name)
            arguments.append(Argument(name, LEAF))
            cotangents.append((atom, builder.wrap(var)))
    results = sweep(builder, program, cotangents, wrt)
    gradients = result or tuple_of(len(wrt))
    return _finished(builder, program, f"vjp_{program.name}", (results, wrt, gradients), arguments)


def gradient_program(
    program: Program,
    wrt: Sequence[Var],
    with_value: bool = False,
    result: Structure | None = None,
) -> Program:
    """The program inputs -> gradients of the first output, which must be a floating scalar.

    Args:
        program: The forward program. Its first output leaf is the loss; further leaves
            (metrics, state) are not differentiated.
        wrt: Floating inputs of it.
        with_value: Whether the outputs of `program` come first, before the gradients.
        result: The container of the gradients; a tuple in the order of `wrt` when None.

    Returns:
        A simplified program.

    Raises:
        UsageError: When the first output is no floating scalar.
    """
    loss = program.outputs[0] if program.outputs else None
    if loss is None or loss.aval.shape != () or not loss.aval.is_float:
        what = "nothing" if loss is None else str(loss.aval)
        raise UsageError(
            f"{program.name} must return one floating number to have a gradient, not {what}; "
            "sum or average it first, or use pb.vjp with a cotangent."
        )
    builder = _continued(program)
    seed = builder.literal(1.0, Aval(loss.aval.dtype))
    results = sweep(builder, program, [(loss, seed)], wrt)
    name = f"{'value_and_grad' if with_value else 'grad'}_{program.name}"
    gradients = result or tuple_of(len(wrt))
    derived = (results, wrt, gradients)
    return _finished(builder, program, name, derived, program.arguments, with_value)


def sweep(
    builder: Builder,
    program: Program,
    cotangents: Sequence[tuple[Atom, TracedArray]],
    wrt: Sequence[Var],
) -> list[TracedArray]:
    """Record the backward pass of a program in a builder that holds its equations.

    Returns one cotangent per variable in `wrt`, zeros where no path leads to it.
    """
    active = _depending_on(program, wrt)
    arrived: dict[Var, TracedArray] = {}

    def arrive(atom: Atom, cotangent: Any) -> None:
        if isinstance(atom, Var) and atom in active and cotangent is not None:
            cotangent = in_shape_of(builder, cotangent, atom.aval)
            before = arrived.get(atom)
            arrived[atom] = cotangent if before is None else before + cotangent

    with builder.in_stage(BACKWARD):
        for atom, cotangent in cotangents:
            arrive(atom, cotangent)
        for equation in reversed(program.equations):
            if equation.out in arrived:
                if equation.primitive.kink:
                    builder.conventions[equation.primitive.kink] = None
                cotangent = _named(builder, program, equation.out, arrived[equation.out])
                for atom, part in _contributions(builder, equation, cotangent):
                    arrive(atom, part)
        return [_cotangent_of_input(builder, program, var, arrived) for var in wrt]


def in_shape_of(builder: Builder, cotangent: Any, aval: Aval) -> TracedArray:
    """A cotangent in its primal's shape and dtype: broadcasting undone by summing."""
    value: Any = builder.wrap(builder.atom(cotangent))
    extra = tuple(range(value.ndim - aval.ndim))
    if extra:
        value = np.sum(value, axis=extra)
    repeated = tuple(
        axis
        for axis, (dim, wide) in enumerate(zip(aval.shape, value.aval.shape, strict=True))
        if dim == 1 and wide != 1
    )
    if repeated:
        value = np.sum(value, axis=repeated, keepdims=True)
    if value.aval.shape != aval.shape:
        value = np.broadcast_to(value, _traced_shape(builder, aval))
    in_dtype: TracedArray = (
        value if aval.weak or value.dtype == aval.dtype else value.astype(aval.dtype)
    )
    return in_dtype


def cotangent_names(program: Program) -> list[str]:
    """The name of the cotangent of each output: d + its name, ct where it has none."""
    return [
        f"d{program.names[atom]}" if isinstance(atom, Var) and atom.named else "ct"
        for atom in program.outputs
    ]


def _continued(program: Program) -> Builder:
    builder = Builder(name_values=False)
    builder.adopt(program)
    return builder


def _traced_shape(builder: Builder, aval: Aval) -> tuple[Any, ...]:
    from ..tracing.sizes import as_size

    return tuple(as_size(builder, dim) for dim in aval.shape)


def _depending_on(program: Program, wrt: Sequence[Var]) -> set[Var]:
    active = set(wrt)
    for equation in program.equations:
        if equation.out.aval.is_float and any(atom in active for atom in equation.inputs):
            active.add(equation.out)
    return active


def _contributions(
    builder: Builder, equation: Equation, cotangent: TracedArray
) -> list[tuple[Atom, Any]]:
    rule = equation.primitive.rule
    if rule is None:
        return []
    inputs = [
        atom.value if isinstance(atom, Literal) else builder.wrap(atom) for atom in equation.inputs
    ]
    parts = rule(cotangent, builder.wrap(equation.out), *inputs, **equation.params)
    return list(zip(equation.inputs, parts, strict=True))


def _named(builder: Builder, program: Program, var: Var, cotangent: TracedArray) -> TracedArray:
    if var.named:
        builder.suggest(cotangent.atom, f"d{program.names[var]}")
    return cotangent


def _cotangent_of_input(
    builder: Builder, program: Program, var: Var, arrived: Mapping[Var, TracedArray]
) -> TracedArray:
    if var in arrived:
        return _named(builder, program, var, arrived[var])
    from ..primitives.shapes import full

    dtype = var.aval.dtype
    zeros = {"shape": var.aval.shape, "value": 0.0, "dtype": dtype}
    return builder.bind(full, (), zeros, hint=f"d{program.names[var]}")


def _finished(
    builder: Builder,
    program: Program,
    name: str,
    derived: tuple[Sequence[TracedArray], Sequence[Var], Structure],
    arguments: Sequence[Argument],
    with_value: bool = False,
) -> Program:
    results, wrt, gradients = derived
    outputs = [value.atom for value in results]
    names: list[str | None] = [f"d{program.names[var]}" for var in wrt]
    if with_value:
        outputs = [*program.outputs, *outputs]
        names = [*program.output_names, *names]
        gradients = Structure("tuple", (0, 1), (program.result, gradients))
    finished, _ = builder.finish(name, outputs, arguments, gradients, names)
    return simplify(finished)


def tuple_of(count: int) -> Structure:
    """The structure of a tuple of arrays."""
    return Structure("tuple", tuple(range(count)), (LEAF,) * count)
