"""Program: an immutable, typed, printable list of equations in SSA form.

Each transformation takes a program and returns a program, and the result is checked every
time. Views (source, text) and engines read it; nothing else holds what a function computes.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from .avals import Aval, Dtype, aval_of
from .dims import Dim
from .doors import Doors
from .errors import Location, ProgramError, PullbackError
from .lazy import cached_property
from .primitive import REGISTRY, Literal, Params, Primitive
from .trees import Structure, format_path

FORWARD, BACKWARD, UPDATE = "forward", "backward", "update"


@dataclass(frozen=True, eq=False)
class Var:
    """A value of a program. `hint` is its wished-for name; `Program.names` settles it.

    `named` says that the hint is the name under which the user's own code stores the value
    (or that of a cotangent), so that emitted source gives it a line of its own. `cotangent_of`
    is the name of the primal whose complete cotangent it is, in a derived program.
    """

    aval: Aval
    hint: str
    named: bool = False
    cotangent_of: str = ""


Atom = Var | Literal


@dataclass(frozen=True, eq=False)
class Equation:
    """`out = primitive(*inputs, **params)`.

    `stage` says which part of a computation it belongs to (forward, backward, update) and
    `where` the user's line that caused it; the file form keeps the first and not the second.
    """

    primitive: Primitive
    inputs: tuple[Atom, ...]
    params: Params
    out: Var
    stage: str = FORWARD
    where: Location | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Argument:
    """One parameter of the traced function: its name and the structure of its value."""

    name: str
    structure: Structure


@dataclass(frozen=True, eq=False)
class Origin:
    """What a gradient or VJP program was derived from.

    `seeded` says whether the cotangent of the first output is the number 1 rather than an input.
    """

    program: Program
    wrt: tuple[Var, ...]
    seeded: bool


@dataclass(frozen=True, eq=False)
class Program(Doors):
    """A function as a list of equations.

    Attributes:
        name: The function's name.
        inputs: One variable per leaf of the arguments, then the captured arrays.
        equations: In execution order.
        outputs: One atom per leaf of the result.
        arguments: How leaves make up the function's parameters.
        result: The structure of the result.
        output_names: A name per output leaf, such as "dW1"; None where there is none.
        defaults: Values of the captured arrays (copies, read-only), and of numbers that vary.
        conventions: Which slopes were taken at kinks, where a gradient was derived.
        origin: What it was derived from, if it is a gradient; the file form leaves it out.
    """

    name: str
    inputs: tuple[Var, ...]
    equations: tuple[Equation, ...]
    outputs: tuple[Atom, ...]
    arguments: tuple[Argument, ...]
    result: Structure
    output_names: tuple[str | None, ...]
    defaults: Mapping[Var, Any] = field(default_factory=lambda: MappingProxyType({}))
    conventions: tuple[str, ...] = ()
    origin: Origin | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.check()

    @property
    def argument_inputs(self) -> tuple[Var, ...]:
        """The inputs that belong to arguments, without captured arrays."""
        return self.inputs[: sum(argument.structure.size for argument in self.arguments)]

    @property
    def input_paths(self) -> dict[Var, str]:
        """Each argument input as the caller writes it: x, params['W1']."""
        paths = [
            format_path(argument.name, path)
            for argument in self.arguments
            for path in argument.structure.paths()
        ]
        return dict(zip(self.argument_inputs, paths, strict=True))

    @cached_property
    def names(self) -> dict[Var, str]:
        """A unique Python identifier for every variable; a name stored again is `h_2`."""
        return unique_names(
            (*self.inputs, *(equation.out for equation in self.equations)), self.helper_names
        )

    @property
    def helper_names(self) -> set[str]:
        """The names of the helper functions that its NumPy source carries along."""
        used = (equation.primitive for equation in self.equations)
        return {helper.__name__ for primitive in used for helper in primitive.helpers}

    @property
    def axes(self) -> list[str]:
        """The named axes of its inputs, in order of appearance."""
        seen: dict[str, None] = {}
        for var in self.inputs:
            for dim in var.aval.shape:
                if isinstance(dim, Dim):
                    seen.update(dict.fromkeys(sorted(dim.axes)))
        return list(seen)

    def check(self) -> None:
        """Raise `ProgramError` unless it is well formed.

        Every value is defined once and before it is used, and every equation's output is what
        its primitive's shape and dtype rule says.
        """
        defined = set(self.inputs)
        if len(defined) != len(self.inputs):
            raise ProgramError(f"{self.name}: an input occurs twice.")
        for position, equation in enumerate(self.equations, start=1):
            self._check_equation(equation, position, defined)
            defined.add(equation.out)
        for atom in self.outputs:
            if isinstance(atom, Var) and atom not in defined:
                raise ProgramError(f"{self.name}: the output {atom.hint} is never computed.")
        if not len(self.outputs) == self.result.size == len(self.output_names):
            raise ProgramError(f"{self.name}: the outputs do not fill the result's structure.")
        if len(self.argument_inputs) + len(self.defaults) != len(self.inputs) or set(
            self.inputs[len(self.argument_inputs) :]
        ) != set(self.defaults):
            raise ProgramError(f"{self.name}: the arguments and defaults do not name each input.")

    def _check_equation(self, equation: Equation, position: int, defined: set[Var]) -> None:
        for atom in equation.inputs:
            if isinstance(atom, Var) and atom not in defined:
                raise self._wrong(equation, position, f"uses {atom.hint} before it is computed.")
        if equation.out in defined:
            again = f"computes {equation.out.hint} a second time."
            raise self._wrong(equation, position, again)
        try:
            aval = equation.primitive.aval(*[a.aval for a in equation.inputs], **equation.params)
        except (PullbackError, TypeError, ValueError, LookupError, AttributeError) as error:
            raise self._wrong(equation, position, f"is not valid: {error}") from error
        if aval != equation.out.aval:
            other = f"yields {aval}, but its output says {equation.out.aval}."
            raise self._wrong(equation, position, other)

    def _wrong(self, equation: Equation, position: int, what: str) -> ProgramError:
        place = f"equation {position} ({equation.primitive.name})"
        return ProgramError(f"{self.name}: {place} {what}")

    def text_of_atom(self, atom: Atom) -> str:
        """A variable's name, or a literal as text."""
        return str(atom) if isinstance(atom, Literal) else self.names[atom]

    def __str__(self) -> str:
        signature = ", ".join(f"{self.names[var]}: {var.aval}" for var in self.inputs)
        lines = [f"{self.name}({signature})"]
        stage = FORWARD
        for equation in self.equations:
            if equation.stage != stage:
                stage = equation.stage
                lines.append(f"  -- {stage}")
            lines.append(f"  {self._equation_text(equation)}")
        outputs = ", ".join(map(self.text_of_atom, self.outputs))
        kinks = [f"  -- kink of {convention}" for convention in self.conventions]
        return "\n".join([*lines, f"  return {outputs}", *kinks])

    def _equation_text(self, equation: Equation) -> str:
        inputs = [self.text_of_atom(atom) for atom in equation.inputs]
        params = [f"{name}={_param_text(value)}" for name, value in equation.params.items()]
        out = equation.out
        call = f"{equation.primitive.name}({', '.join(inputs + params)})"
        return f"{self.names[out]}: {out.aval} = {call}"

    def __repr__(self) -> str:
        return f"<Program {self.name}: {len(self.equations)} equations>"

    def to_json(self) -> str:
        """The canonical file form: data only, without lines and paths.

        Returns:
            JSON text that `Program.from_json` reads back as an equal program.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.trace(np.tanh, x="N")
            >>> pb.Program.from_json(program.to_json()).fingerprint() == program.fingerprint()
            True
        """
        import json

        from .fileform import encode

        return json.dumps(encode(self), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Program:
        """The program that `to_json` wrote.

        Args:
            text: JSON text; it is data only, nothing in it is executed.

        Returns:
            A checked program.

        Raises:
            ProgramError: When the text is not a valid program.
        """
        import json

        from .fileform import decode

        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:  # not JSON, too long a number, too deep
            raise ProgramError(f"The text is not a program: it is not JSON ({error}).") from error
        return decode(data)

    def __reduce__(self) -> tuple[Any, ...]:
        """As its file form: `pickle` and `copy.deepcopy` keep what `to_json` tells, no more."""
        return Program.from_json, (self.to_json(),)

    def fingerprint(self) -> str:
        """SHA-256 of the file form, in hexadecimal: equal programs have equal fingerprints."""
        import hashlib

        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _param_text(value: Any) -> str:
    return repr(value) if isinstance(value, Program) else str(value)


def primitive_named(name: str) -> Primitive:
    """The primitive with this name; raises `ProgramError` when there is none."""
    if name not in REGISTRY:
        raise ProgramError(f"There is no primitive named {name!r}.")
    return REGISTRY[name]


def captured_default(array: Any) -> Any:
    """A read-only copy of an array that a traced function captured."""
    copy = np.array(array)
    copy.flags.writeable = False
    return copy


def float_dtype_of(avals: tuple[Aval, ...]) -> Dtype:
    """The dtype in which floating arithmetic on these values is done."""
    if all(aval.weak for aval in avals):
        return aval_of(0.0).dtype
    return np.result_type(*(a.promotion_type for a in avals if not a.weak), np.float16(0).dtype)


def unique_names(variables: Iterable[Var], taken: Iterable[str] = ()) -> dict[Var, str]:
    """A Python identifier per variable: its hint, or hint_2, hint_3 where that is taken.

    A value that the user did not name shadows none of Python's built-in functions: sum_1, sum_2.
    """
    used = _RESERVED | set(taken)
    names: dict[Var, str] = {}
    counts: dict[str, int] = {}
    for var in variables:
        shadows = not var.named and var.hint in _BUILT_IN
        name, count = f"{var.hint}_1" if shadows else var.hint, counts.get(var.hint, 1)
        while name in used:
            count += 1
            name = f"{var.hint}_{count}"
        counts[var.hint] = count
        used.add(name)
        names[var] = name
    return names


_RESERVED = set(keyword.kwlist) | {"np"}
_BUILT_IN = frozenset(dir(builtins))
