"""A NumPy function -> Program: running the function once on traced values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..avals import aval_of
from ..errors import PullbackError, TraceError, UsageError, nearest
from ..primitive import Literal
from ..program import Argument, Program, Var
from ..trees import LEAF, Path, Structure, flatten, format_path, unflatten
from .builder import Builder
from .sizes import TracedSize
from .spec import aval_from_spec
from .traced import TracedArray


def trace(function: Callable[..., Any], /, **specs: Any) -> Program:
    """One program for all inputs of a NumPy function.

    Args:
        function: A function of arrays, numbers and nested tuples, lists and dicts of them, that
            uses NumPy and returns such values.
        **specs: What each argument will be: "N D" (float64), "f4 N D", "i8 N", "float" (a
            Python number that varies), an example array, or a container of these. An argument
            that is left out keeps its default as a constant.

    Returns:
        The program. Axis names stand for lengths that may differ from call to call.

    Raises:
        TraceError: With the user's own line, when the function does what a program for all
            inputs cannot record (a data-dependent `if`, float(x), an unknown function).
        ShapeError: When shapes do not fit: "left is (N, D), right is (H, C): D is not H".
        UsageError: When a spec names no argument or an argument has no spec and no default.

    Example:
        >>> import numpy as np, pullback as pb
        >>> print(pb.trace(lambda x, W: np.tanh(x @ W), x="N D", W="D H"))
        <lambda>(x: f8[N, D], W: f8[D, H])
          matmul: f8[N, H] = matmul(x, W)
          tanh: f8[N, H] = tanh(matmul)
          return tanh
    """
    name, parameters = _parameters(function)
    unknown = [argument for argument in specs if argument not in parameters]
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        raise UsageError(
            f"{name} has no argument {unknown[0]!r}; it has {', '.join(parameters)}."
            f"{nearest(unknown[0], list(parameters))}"
        )
    missing = [
        argument
        for argument, parameter in parameters.items()
        if argument not in specs
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing:
        raise UsageError(f"{name} needs a spec for {missing[0]!r}: trace(f, {missing[0]}='N D').")
    ordered = {a: specs[a] for a in parameters if a in specs} | specs
    avals = {
        argument: _map_leaves(
            spec, lambda leaf, path: aval_from_spec(leaf, path), format_path(argument, ())
        )
        for argument, spec in ordered.items()
    }
    return trace_avals(function, avals, name)


def trace_avals(
    function: Callable[..., Any], avals: Mapping[str, Any], name: str | None = None
) -> Program:
    """`trace` with containers of `Aval` by argument name."""
    builder = Builder()
    arguments, values = [], {}
    for argument, tree in avals.items():
        leaves, structure = flatten(tree)
        hints = leaf_names(argument, structure)
        traced = [
            _argument(builder, builder.add_input(aval, hint))
            for aval, hint in zip(leaves, hints, strict=True)
        ]
        arguments.append(Argument(argument, structure))
        values[argument] = unflatten(structure, traced)
    args, kwargs = _call_arguments(function, values)
    outputs, result = _run(builder, function, args, kwargs)
    program, _ = builder.finish(name or _function_name(function), outputs, arguments, result)
    return program


@dataclass(frozen=True)
class EagerTrace:
    """A program traced at given values, the values, and where they came from.

    Attributes:
        program: One argument per floating leaf.
        values: The number of every variable of the program.
        value: What the function returned, as numbers.
        leaves: For each argument name the paths of its floating leaves and its structure.
    """

    program: Program
    values: dict[Var, Any]
    value: Any
    leaves: dict[str, EagerArgument]


@dataclass(frozen=True)
class EagerArgument:
    """One argument of an eager trace: its structure, its leaves, and the input of each.

    A leaf that is not floating has no input.
    """

    structure: Structure
    values: tuple[Any, ...]
    inputs: tuple[Var | None, ...]


def trace_eager(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> EagerTrace:
    """Run a function on traced values whose numbers are known, so that they may steer it.

    Every floating leaf of the arguments is traced; integers, booleans, strings and other
    objects reach the function as they are. Leaves may be traced values of an outer trace.
    """
    name = _function_name(function)
    outer = _outermost(args, kwargs)
    builder = Builder(eager=outer is None or outer.eager, parent=outer)
    bound = _bind(function, args, kwargs)
    arguments: dict[str, EagerArgument] = {}
    program_arguments: list[Argument] = []
    for argument, tree in bound.arguments.items():
        leaves, structure = flatten(tree)
        hints = leaf_names(argument, structure)
        inputs: list[Var | None] = []
        traced: list[Any] = []
        for leaf, hint, path in zip(leaves, hints, structure.paths(), strict=True):
            leaf = leaf.snapshot() if isinstance(leaf, TracedArray) else leaf
            var = _eager_input(builder, leaf, hint, format_path(argument, path))
            inputs.append(var)
            traced.append(leaf if var is None else _argument(builder, var))
            if var is not None:
                program_arguments.append(Argument(format_path(argument, path), LEAF))
        held = tuple(v.snapshot() if isinstance(v, TracedArray) else v for v in leaves)
        arguments[argument] = EagerArgument(structure, held, tuple(inputs))
        bound.arguments[argument] = unflatten(structure, traced)
    outputs, result = _run(builder, function, bound.args, bound.kwargs)
    program, final = builder.finish(name, outputs, program_arguments, result)
    values = {final(var): value for var, value in builder.values.items()}
    numbers = [
        atom.value if isinstance(atom, Literal) else values.get(atom) for atom in program.outputs
    ]
    final_arguments = {
        argument: replace(
            info, inputs=tuple(None if var is None else final(var) for var in info.inputs)
        )
        for argument, info in arguments.items()
    }
    return EagerTrace(program, values, unflatten(result, numbers), final_arguments)


def leaf_names(argument: str, structure: Structure) -> list[str]:
    """A Python identifier per leaf: x, W1 (of params['W1']), m_W1 (of state['m']['W1']),
    layers_0_W."""
    paths = list(structure.paths())
    last = [path[-1] if path else argument for path in paths]
    named = all(isinstance(key, str) and key.isidentifier() for path in paths for key in path)
    flat = all(len(path) <= 1 for path in paths)
    if named and flat and len(set(last)) == len(last):
        return [str(key) for key in last]
    return [_joined(path if named else (argument, *path)) for path in paths]


def _joined(path: Path) -> str:
    text = "_".join(map(str, path))
    return "".join(c if c.isidentifier() or c.isdigit() else "_" for c in text)


def _map_leaves(tree: Any, change: Callable[[Any, str], Any], root: str) -> Any:
    leaves, structure = flatten(tree)
    paths = [format_path(root, path) for path in structure.paths()]
    return unflatten(structure, [change(*pair) for pair in zip(leaves, paths, strict=True)])


def _argument(builder: Builder, var: Var) -> TracedArray:
    traced = builder.wrap(var)
    traced.is_argument = True
    return traced


def _eager_input(builder: Builder, leaf: Any, hint: str, path: str) -> Var | None:
    if isinstance(leaf, TracedArray):
        if not leaf.aval.is_float:
            return None
        known = leaf.builder.eager
        return builder.add_input(
            leaf.aval, hint, leaf.builder.value_of(leaf.atom) if known else None
        )
    if isinstance(leaf, np.matrix):
        raise UsageError(f"{path} is an np.matrix, which multiplies by other rules; np.asarray it.")
    if isinstance(leaf, np.ma.MaskedArray):
        raise UsageError(f"{path} is a masked array; fill it first, its mask would be lost.")
    if isinstance(leaf, float) and not isinstance(leaf, np.generic):
        return builder.add_input(aval_of(leaf), hint, leaf)
    if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f":
        return builder.add_input(aval_of(leaf), hint, np.array(leaf))
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "cO":
        raise UsageError(f"{path} has dtype {leaf.dtype}; allowed are real numbers.")
    return None


def _outermost(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Builder | None:
    leaves = flatten([list(args), dict(kwargs)])[0]
    builders = [leaf.builder for leaf in leaves if isinstance(leaf, TracedArray)]
    return next((b for b in builders if not b.eager), builders[0] if builders else None)


def _run(
    builder: Builder, function: Callable[..., Any], args: Any, kwargs: Any
) -> tuple[list[Any], Structure]:
    try:
        with shown_as_ours(builder):
            value = function(*args, **kwargs)
        leaves, result = flatten(value)
        return [_output_atom(builder, leaf) for leaf in leaves], result
    finally:
        builder.open = False


def _output_atom(builder: Builder, leaf: Any) -> Any:
    if isinstance(leaf, TracedArray | TracedSize | np.ndarray | np.generic | bool | int | float):
        return builder.atom(leaf)
    raise TraceError(
        f"The traced function returned {leaf!r}; allowed are arrays, numbers and nested "
        "tuples, lists and dicts of them."
    )


@contextmanager
def shown_as_ours(builder: Builder) -> Iterator[None]:
    """NumPy hides our errors behind its own; bring them to the front again."""
    try:
        yield
    except PullbackError:
        raise
    except Exception as error:
        cause: BaseException | None = error.__cause__
        while cause is not None and not isinstance(cause, PullbackError):
            cause = cause.__cause__
        if cause is None and not isinstance(error, TypeError):
            raise
        cause = cause or builder.refusal
        if cause is None:
            raise
        raise cause from None


def _function_name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function; raises `UsageError` when it is not known.

    NumPy's ufuncs have none before NumPy 2.3; theirs are positional inputs.
    """
    if not callable(function):
        raise UsageError(f"{function!r} is not a function.")
    if isinstance(function, np.ufunc):
        positional = inspect.Parameter.POSITIONAL_ONLY
        names = [f"x{i + 1}" for i in range(function.nin)] if function.nin > 1 else ["x"]
        return inspect.Signature([inspect.Parameter(name, positional) for name in names])
    try:
        return inspect.signature(function)
    except ValueError:
        name = _function_name(function)
        raise UsageError(f"The arguments of {name} are not known; wrap it in a lambda.") from None


def _parameters(function: Callable[..., Any]) -> tuple[str, Mapping[str, inspect.Parameter]]:
    return _function_name(function), signature_of(function).parameters


def _bind(function: Callable[..., Any], args: Any, kwargs: Any) -> inspect.BoundArguments:
    try:
        return signature_of(function).bind(*args, **kwargs)
    except TypeError as error:
        raise UsageError(f"{_function_name(function)}: {error}.") from None


def _call_arguments(
    function: Callable[..., Any], values: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    signature = signature_of(function)
    bound = inspect.BoundArguments(signature, {})
    extra = {}
    for argument, value in values.items():
        if argument in signature.parameters:
            bound.arguments[argument] = value
        else:
            extra[argument] = value
    return bound.args, bound.kwargs | extra
