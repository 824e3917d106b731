"""Program -> Program that computes vector-Jacobian products: the reverse sweep, simplified."""

from __future__ import annotations

from collections.abc import Sequence

from ..avals import Aval
from ..errors import UsageError
from ..program import Argument, Atom, Origin, Program, Var
from ..tracing.builder import Builder
from ..tracing.traced import TracedArray
from ..trees import LEAF, Structure
from .simplify import simplify
from .sweep import Sweep

Seeds = list[tuple[Atom, TracedArray]]


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
    builder = continued(program)
    cotangents, arguments = cotangent_inputs(builder, program)
    results = Sweep(builder, program, wrt).run(cotangents)
    gradients = result or tuple_of(len(wrt))
    derived = (results, wrt, gradients)
    origin = Origin(program, tuple(wrt), seeded=False)
    return simplify(_finished(builder, origin, f"vjp_{program.name}", derived, arguments))


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
    builder = continued(program)
    results = Sweep(builder, program, wrt).run(unit_seed(builder, program))
    name = f"{'value_and_grad' if with_value else 'grad'}_{program.name}"
    gradients = result or tuple_of(len(wrt))
    derived = (results, wrt, gradients)
    origin = Origin(program, tuple(wrt), seeded=True)
    return simplify(_finished(builder, origin, name, derived, program.arguments, with_value))


def continued(program: Program) -> Builder:
    """A builder that holds a program's equations, to be continued by its backward pass."""
    builder = Builder(name_values=False)
    builder.adopt(program)
    return builder


def unit_seed(builder: Builder, program: Program) -> Seeds:
    """The cotangent 1 of the first output.

    Raises `UsageError` when that is no floating scalar.
    """
    loss = program.outputs[0] if program.outputs else None
    if loss is None or loss.aval.shape != () or not loss.aval.is_float:
        what = "nothing" if loss is None else str(loss.aval)
        raise UsageError(
            f"{program.name} must return one floating number to have a gradient, not {what}; "
            "sum or average it first, or use pb.vjp with a cotangent."
        )
    return [(loss, builder.literal(1.0, Aval(loss.aval.dtype)))]


def cotangent_inputs(builder: Builder, program: Program) -> tuple[Seeds, list[Argument]]:
    """One more input for the cotangent of each floating output, and the arguments with them."""
    cotangents: Seeds = []
    arguments = list(program.arguments)
    for atom, name in zip(program.outputs, cotangent_names(program), strict=True):
        if atom.aval.is_float:
            of = program.names[atom] if isinstance(atom, Var) else ""
            var = builder.add_input(Aval(atom.aval.dtype, atom.aval.shape), name, cotangent_of=of)
            arguments.append(Argument(name, LEAF))
            cotangents.append((atom, builder.wrap(var)))
    return cotangents, arguments


def cotangent_names(program: Program) -> list[str]:
    """The name of the cotangent of each output: d + its name, ct where it has none."""
    return [
        f"d{program.names[atom]}" if isinstance(atom, Var) and atom.named else "ct"
        for atom in program.outputs
    ]


def _finished(
    builder: Builder,
    origin: Origin,
    name: str,
    derived: tuple[Sequence[TracedArray], Sequence[Var], Structure],
    arguments: Sequence[Argument],
    with_value: bool = False,
) -> Program:
    results, wrt, gradients = derived
    program = origin.program
    outputs = [value.atom for value in results]
    names: list[str | None] = [f"d{program.names[var]}" for var in wrt]
    if with_value:
        outputs = [*program.outputs, *outputs]
        names = [*program.output_names, *names]
        gradients = Structure("tuple", (0, 1), (program.result, gradients))
    finished, _ = builder.finish(name, outputs, arguments, gradients, names, origin)
    return finished


def tuple_of(count: int) -> Structure:
    """The structure of a tuple of arrays."""
    return Structure("tuple", tuple(range(count)), (LEAF,) * count)
