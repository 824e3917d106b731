"""Functions with a VJP rule of their own: `custom_vjp`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import update_wrapper
from types import MappingProxyType
from typing import Any, NoReturn

import numpy as np

from ..avals import Aval
from ..errors import ShapeError, UsageError, at, user_location
from ..primitive import vjp_of
from ..primitives.custom import with_rule
from ..program import BACKWARD, Argument, Program, Var
from ..trees import LEAF, Structure, flatten
from .builder import Builder
from .replay import replay
from .sizes import TracedSize
from .trace import shown_as_ours, signature_of
from .traced import TracedArray


def custom_vjp(function: Any = None, /, *, rule: Callable[..., Any]) -> Any:
    """Give a function a VJP rule of its own, in place of the one that is derived for it.

    For y = f(x_1, ..., x_n) and the cotangent ct of y, `rule(ct, y, x_1, ..., x_n)` returns one
    cotangent per input: ct dy/dx_1, ..., ct dy/dx_n. It is NumPy code that is traced like any
    other, so it yields source and second derivatives, and `check_gradients` checks it as it
    checks every rule: against differences of the function.

    Args:
        function: A NumPy function of arrays and numbers, given by position, that returns one
            array or number. Settings (an axis, a flag) are given by keyword and reach the rule
            too. Left out to decorate.
        rule: `rule(ct, out, *inputs, **settings)`. Its results have the shapes of the inputs; one
            that broadcasting made larger is summed back. None stands for "not differentiable".
            A rule of one input may return its cotangent without a tuple.

    Returns:
        The function with its rule; without `function`, the decorator that makes it.

    Raises:
        UsageError: When function or rule is no function. At a call that is traced: when an
            argument is no array or number, when the result is not one array, or when the
            function reads a differentiated value that is not among its arguments.
        TraceError: At such a call, when the rule does what a program cannot record.
        ShapeError: At such a call, when the rule returns too few or too many cotangents, or one
            of another shape than its input.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def softsign_rule(ct, out, x):
        ...     return ct * (1 - np.abs(out)) ** 2
        >>> @pb.custom_vjp(rule=softsign_rule)
        ... def softsign(x):
        ...     return x / (1 + np.abs(x))
        >>> pb.grad(softsign)(1.0)
        np.float64(0.25)
        >>> pb.check_gradients(softsign, np.array([-2.0, 0, 1])).is_right
        True
    """
    if function is None:
        return lambda decorated: CustomFunction(decorated, rule)
    return CustomFunction(function, rule)


class CustomFunction:
    """A function with a VJP rule of its own; see `custom_vjp`.

    Attributes:
        function: What it computes.
        rule: Its VJP rule.
    """

    def __init__(self, function: Callable[..., Any], rule: Callable[..., Any]) -> None:
        for what, value in (("function", function), ("rule", rule)):
            if not callable(value) or isinstance(value, type):
                raise UsageError(f"custom_vjp: {what} must be a function, not {value!r}.")
        update_wrapper(self, function)
        self.function, self.rule = function, rule
        self.name = _name_of(function)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        builders = [value.builder for value in flatten(args)[0] if isinstance(value, TracedArray)]
        for name, value in settings.items():
            if any(isinstance(leaf, TracedArray) for leaf in flatten(value)[0]):
                _refuse(self.name, f"{name} is differentiated; give it by position")
        if not builders:
            return self.function(*args, **settings)
        call = _Call(self, max(builders, key=lambda builder: builder.serial), settings)
        return call.record(args)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else lambda *args, **kw: self(instance, *args, **kw)

    def __repr__(self) -> str:
        return f"<{self.name} with a rule of its own>"


class _Call:
    """One call of a custom function on traced values."""

    def __init__(
        self, custom: CustomFunction, builder: Builder, settings: Mapping[str, Any]
    ) -> None:
        self.custom, self.builder, self.settings = custom, builder, settings
        self.name = custom.name

    def record(self, args: Sequence[Any]) -> TracedArray:
        """The function's equations, then the value with its rule."""
        inputs = self._inputs(args)
        known = len(self.builder.equations)
        value = self._value(inputs)
        self._refuse_hidden_inputs(inputs, value, known)
        rule, places, captured = self._traced_rule(value, inputs)
        params = {"name": self.name, "rule": rule, "places": places}
        out = self.builder.bind(with_rule, [value, *inputs, *captured], params)
        out.is_scalar = value.is_scalar
        shared = next((x for x in inputs if x.atom is value.atom), value.base)
        if shared is not None:
            shared.add_view(out)
        return out

    def _inputs(self, args: Sequence[Any]) -> list[TracedArray]:
        """The arguments as values of one trace, no two of them the same."""
        inputs: list[TracedArray] = []
        for position, value in enumerate(args, start=1):
            if not isinstance(value, (*_NUMBERS, TracedSize)):
                _refuse(
                    self.name,
                    f"argument {position} is {value!r}; arrays and numbers are given by "
                    "position, settings by keyword",
                )
            traced: Any = self.builder.wrap(self.builder.atom(value))
            if any(isinstance(traced.atom, Var) and traced.atom is x.atom for x in inputs):
                traced = np.copy(traced)  # so that each cotangent belongs to one argument
            traced.is_argument = True
            inputs.append(traced)
        return inputs

    def _value(self, inputs: list[TracedArray]) -> TracedArray:
        value: Any = self.custom.function(*inputs, **self.settings)
        if not isinstance(value, _NUMBERS):
            _refuse(self.name, f"it must return one array or number, not {value!r}")
        if isinstance(value, TracedArray) and value.builder is self.builder:
            return value
        return self.builder.wrap(self.builder.atom(value))

    def _refuse_hidden_inputs(
        self, inputs: list[TracedArray], value: TracedArray, known: int
    ) -> None:
        """A rule gives cotangents to arguments alone, so nothing else may carry a gradient."""
        recorded = self.builder.equations[known:]
        own = {x.atom for x in inputs} | {equation.out for equation in recorded}
        for atom in (*(atom for equation in recorded for atom in equation.inputs), value.atom):
            if isinstance(atom, Var) and atom not in own and self.builder.may_vary(atom):
                _refuse(
                    self.name,
                    f"it reads {self.builder.hint_of(atom)[0]}, which is not among its arguments "
                    "and would lose its gradient; make it an argument",
                )

    def _traced_rule(
        self, value: TracedArray, inputs: list[TracedArray]
    ) -> tuple[Program, tuple[int, ...], list[Any]]:
        """The rule, the places of the inputs that it gives cotangents to, what else it reads."""
        names = _input_names(self.custom.function, len(inputs))
        ct = Aval(value.dtype, value.aval.shape)
        avals = [ct, value.aval, *(x.aval for x in inputs)]
        inner = Builder(parent=self.builder)
        inner.stage = BACKWARD
        declared = zip(avals, ["ct", "out", *names], strict=True)
        arguments = [inner.wrap(inner.add_input(aval, name)) for aval, name in declared]
        for argument in arguments:
            argument.is_argument = True
        try:
            with shown_as_ours(inner):
                returned = self.custom.rule(*arguments, **self.settings)
            parts = self._cotangents(inner, returned, dict(zip(names, avals[2:], strict=True)))
        finally:
            inner.open = False
        given = [(place, part) for place, part in enumerate(parts) if part is not None]
        program = _program(inner, _name_of(self.custom.rule), [part for _, part in given])
        places = tuple(place for place, _ in given)
        return _without_defaults(program), places, list(program.defaults.values())

    def _cotangents(
        self, inner: Builder, returned: Any, expected: Mapping[str, Aval]
    ) -> list[TracedArray | None]:
        parts = list(returned) if isinstance(returned, tuple | list) else [returned]
        rule = _name_of(self.custom.rule)
        if len(parts) != len(expected):
            raise ShapeError(
                f"{rule} must return one cotangent per input of {self.name} "
                f"({', '.join(expected)}), so {len(expected)} and not {len(parts)}."
            )
        cotangents: list[TracedArray | None] = []
        for part, (name, aval) in zip(parts, expected.items(), strict=True):
            if part is not None and not isinstance(part, _NUMBERS):
                raise UsageError(f"{rule}: the cotangent of {name} is no array, but {part!r}.")
            traced = None if part is None else inner.wrap(inner.atom(part))
            if traced is not None and not _fits(traced.aval, aval):
                raise ShapeError(
                    f"{rule}: the cotangent of {name} has shape {traced.aval.shape_text}, "
                    f"{name} itself {aval.shape_text}."
                )
            cotangents.append(traced)
        return cotangents


@vjp_of(with_rule)
def with_rule_vjp(
    ct: Any, out: Any, value: Any, *inputs: Any, name: str, rule: Program, places: tuple[int, ...]
) -> tuple[Any, ...]:
    """None for the value; for the inputs what the rule says."""
    results = replay(rule, dict(zip(rule.inputs, (ct, out, *inputs), strict=True)))
    parts = dict(zip(places, results, strict=True))
    return (None, *(parts.get(place) for place in range(len(inputs))))


_NUMBERS = (TracedArray, np.ndarray, np.generic, float, int)


def _refuse(name: str, problem: str) -> NoReturn:
    raise UsageError(at(f"custom_vjp of {name}: {problem}.", user_location()))


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _input_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the first parameters, and x3, x4, ... for those of `*args`."""
    try:
        parameters = signature_of(function).parameters.values()
    except UsageError:
        parameters = {}.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named[:count], *(f"x{i + 1}" for i in range(len(named), count))]


def _fits(cotangent: Aval, primal: Aval) -> bool:
    """Whether it has the primal's shape, or one that broadcasting made of it."""
    tail = cotangent.shape[max(cotangent.ndim - primal.ndim, 0) :]
    return cotangent.ndim >= primal.ndim and all(
        dim in (1, wide) for dim, wide in zip(primal.shape, tail, strict=True)
    )


def _program(builder: Builder, name: str, outputs: list[TracedArray]) -> Program:
    """The program of a rule. Its results have no names: a cotangent is named after its primal."""
    arguments = [Argument(var.hint, LEAF) for var in builder.inputs]
    result = Structure("tuple", tuple(range(len(outputs))), (LEAF,) * len(outputs))
    program, _ = builder.finish(name, [value.atom for value in outputs], arguments, result)
    unnamed = {e.out: replace(e.out, named=False) for e in program.equations}
    unnamed = {var: new for var, new in unnamed.items() if var in program.outputs}

    def new(atom: Any) -> Any:
        return unnamed.get(atom, atom)

    equations = tuple(
        replace(e, inputs=tuple(map(new, e.inputs)), out=new(e.out)) for e in program.equations
    )
    return replace(program, equations=equations, outputs=tuple(map(new, program.outputs)))


def _without_defaults(program: Program) -> Program:
    """What the rule captured is an argument like the others."""
    captured = (Argument(program.names[var], LEAF) for var in program.defaults)
    arguments = (*program.arguments, *captured)
    return replace(program, arguments=arguments, defaults=MappingProxyType({}))
