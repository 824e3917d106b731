"""A program as NumPy source that writes its values into arrays which are there already.

The text is a function of a function: the outer one is called once, with the lengths of the axes
and an array for each value; it makes the views that stay the same, and gives back the inner one,
which is called for each step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..dims import Dim
from ..primitive import Literal, Source, text_of_constant
from ..program import Atom, Equation, Var, unique_names
from ..trees import Structure
from ..views.numpy_source import container_text, helper_text
from ..views.out_forms import Operation, number_form, out_form
from .apart import Body
from .orders import Orders, is_view
from .packing import Joined, Pack, Work

_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(eq=False)
class Home:
    """A stretch of memory for one value after the other.

    Attributes:
        parts: The values of the stretch, one behind the other; one unless it is a pack.
        first: The instruction that writes it first; -1 if it is there before the step.
        last: The last instruction that uses it.
        slot: Which of the lasting stretches it is; None for one that others may use in between.
        name: What people call it: the last of its values with a name of the user's.
    """

    parts: Pack
    first: int
    last: int
    slot: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Shown:
    """An array that the outer function takes: a stretch of memory, or a part of it.

    Attributes:
        name: The parameter.
        home: The stretch.
        pack: The values that share it at that time.
        var: The one of them that is meant; None for all of them, as one array of one axis.
    """

    name: str
    home: Home
    pack: Pack
    var: Var | None


@dataclass
class Layout:
    """What the outer function needs, and where the values lie.

    Attributes:
        source: The module's text.
        homes: Stretches of memory.
        arrays: The arrays that the outer function takes last.
        axes: The named axes whose lengths it takes first.
        constants: The captured arrays, which it takes next.
        taken: The inputs that the inner function takes, in order.
    """

    source: str
    homes: list[Home]
    arrays: list[Shown]
    axes: list[str]
    constants: list[Var]
    taken: list[Var]


class BufferedPrinter:
    """Prints one program.

    Args:
        body: A program's, its composite operations taken apart.
        orders: What is known of its values' memory.
        work: Its equations, equal work joined.
        packs: Values that lie one behind the other.
        slots: For each lasting stretch, the inputs that it holds before a step, and the results
            that it holds after.
        told: The structure of what the inner function returns, and the results in it.
    """

    def __init__(
        self,
        body: Body,
        orders: Orders,
        work: Sequence[Work],
        packs: Iterable[Pack],
        slots: Sequence[tuple[Pack, Pack]],
        told: tuple[Structure, Sequence[Atom]],
    ) -> None:
        self.body, self.orders, self.work, self.told = body, orders, work, told
        made = [
            var for one in work for var in (one.outs if isinstance(one, Joined) else (one.out,))
        ]
        taken = {
            "step_within",
            "bound_step",
            "uniform_into",
            *body.axes,
            *(h.__name__ for h in body.helpers),
        }
        self.names = unique_names([*body.inputs, *made], taken)
        self.used = {*self.names.values(), *taken}
        self.pack_of = {var: pack for pack in packs for var in pack}
        self.slot_of = {after: i for i, (_, after) in enumerate(slots)}
        self.homes: list[Home] = []
        self.home: dict[Pack, Home] = {}
        self.whole: dict[Pack, str] = {}
        self.uses: dict[Var, frozenset[Pack]] = {}
        self.fixed: set[Var] = set()
        self.before: list[str] = []
        self.lines: list[str] = []
        self.arrays: list[Shown] = []
        self.numbers: dict[tuple[type, str], str] = {}
        self.constants = [v for v, value in body.defaults.items() if not v.aval.weak]
        self.held = {*self.constants, *(var for inputs, _ in slots for var in inputs)}
        self.fixed.update(self.constants)
        self.readers = _last_readers(work)
        self.readers.update((a, len(work)) for a in told[1] if isinstance(a, Var))
        for i, (inputs, _) in enumerate(slots):
            self._settle(inputs, Home(inputs, -1, len(work), i))
            for var in inputs:
                self._place(var)

    def layout(self) -> Layout:
        """Print the whole program."""
        for number, work in enumerate(self.work):
            if isinstance(work, Joined):
                self._joined(number, work)
            else:
                self._single(number, work)
        return self._finished()

    # One piece of work.

    def _joined(self, number: int, work: Joined) -> None:
        parts = [p if isinstance(p, tuple) else (p,) for p in work.inputs]
        arguments = [
            Source(self._whole(part)) if isinstance(part, tuple) else self._atom(part)
            for part in work.inputs
        ]
        avals = [part[0].aval for part in parts]
        constants = [p[0].value if isinstance(p[0], Literal) else None for p in parts]
        out = work.outs[0].aval
        told = Operation(
            work.primitive.name, work.params, arguments, avals, constants, "", out, self._text_of
        )
        form = out_form(told, True)
        assert form is not None
        # The first member stands for all: where it has the result's shape, the others have too.
        over = [work.inputs[i] for i in form.over if avals[i] == out]
        self._make_home(number, work.outs, [pack for pack in over if isinstance(pack, tuple)])
        form = out_form(told._replace(out=self._whole(work.outs)), True)
        assert form is not None
        self._write(form.before, form.lines)
        for var in work.outs:
            self._place(var)

    def _single(self, number: int, equation: Equation) -> None:
        out = equation.out
        arguments = [self._atom(atom) for atom in equation.inputs]
        if equation.primitive.name == "size":
            self._value(out, self._text_of(equation.params["dim"]), fixed=True)
        elif is_view(equation) and out not in self.pack_of:
            self._view(equation, arguments)
        elif equation.primitive.name == "full" and out not in self.pack_of and out.aval.shape:
            self._value(out, self._expression(equation, arguments), fixed=True)
        elif out.aval.shape or out in self.pack_of:
            self._array(number, equation, arguments)
        else:
            told = self._operation(equation, arguments, "")
            text = number_form(told) or self._expression(equation, arguments)
            self._value(out, text)

    def _view(self, equation: Equation, arguments: Sequence[Source]) -> None:
        """A view is made once where what it shows stays in its place; a copy is made each time."""
        source = equation.inputs[0]
        reshaped = equation.primitive.name == "reshape"
        copied = (reshaped and source not in self.orders.dense) or not equation.out.aval.shape
        fixed = isinstance(source, Var) and source in self.fixed and not copied
        checks = equation.primitive.helpers  # of a value that passes unchanged
        if checks:
            self.lines.append(self._expression(equation, arguments))
        text = arguments[0].text if checks else self._expression(equation, arguments)
        self._value(equation.out, text, fixed=fixed)
        self._shows(equation.out, equation.inputs)

    def _array(self, number: int, equation: Equation, arguments: Sequence[Source]) -> None:
        out, name = equation.out, self.names[equation.out]
        form = None
        if out in self.orders.ordered:
            told = self._operation(equation, arguments, name)
            form = out_form(told, equation.primitive.elementwise)
        pack = self.pack_of.get(out)
        if form is None and pack is None:
            self._value(out, self._expression(equation, arguments))
            self._shows(out, equation.inputs)
            return
        over = [] if form is None else [equation.inputs[i] for i in form.over]
        if pack is None:
            self._make_home(number, (out,), self._free(over, out, equation.inputs))
        elif pack not in self.home:
            self._make_home(number, pack, [])
        if form is None:
            self.lines.append(f"np.copyto({name}, {self._expression(equation, arguments)})")
        else:
            self._write(form.before, form.lines)
        self._place(out)

    def _free(self, over: Sequence[Atom], out: Var, inputs: Sequence[Atom]) -> list[Pack]:
        """Operands whose memory the result may take: whole values that nothing else shows."""
        return [
            (atom,)
            for atom in over
            if isinstance(atom, Var)
            and (atom,) in self.home
            and atom.aval == out.aval
            and not any(
                (atom,) in self.uses.get(other, ())
                for other in inputs
                if isinstance(other, Var) and other is not atom
            )
        ]

    # Memory.

    def _make_home(self, number: int, outs: Pack, over: Sequence[Pack]) -> None:
        """Where new values lie: upon operands that end here, else in a stretch of their own."""
        slot = self.slot_of.get(outs)
        last = number if slot is None else len(self.work)
        for pack in over:
            home = self.home[pack]
            if home.slot is None and home.last <= number:
                home.slot, home.last, home.parts = slot, last, outs
                self._settle(outs, home)
                return
        self._settle(outs, Home(outs, number, last, slot))

    def _settle(self, pack: Pack, home: Home) -> None:
        if home not in self.homes:
            self.homes.append(home)
        self.home[pack] = home
        if not home.name or any(var.named for var in pack):
            more = f" and {len(pack) - 1} more" if len(pack) > 1 else ""
            home.name = f"{self.names[pack[0]]}{more}"
        for var in pack:
            self.uses[var] = frozenset([pack])
            home.last = max(home.last, self.readers.get(var, -1))

    def _shows(self, out: Var, inputs: Iterable[Atom]) -> None:
        """The result may show the memory of its operands, which must last as long."""
        found = [self.uses.get(atom, frozenset()) for atom in inputs if isinstance(atom, Var)]
        self.uses[out] = frozenset().union(*found)
        for pack in self.uses[out]:
            home = self.home[pack]
            home.last = max(home.last, self.readers.get(out, -1))

    def _place(self, var: Var) -> None:
        """The outer function gets an array for this value."""
        pack = self.pack_of.get(var, (var,))
        self.arrays.append(Shown(self.names[var], self.home[pack], pack, var))
        self.fixed.add(var)

    def _whole(self, pack: Pack) -> str:
        """The name of a whole pack."""
        if pack not in self.whole:
            name = f"all_{self.names[pack[0]]}"
            while name in self.used:
                name += "_"
            self.used.add(name)
            self.whole[pack] = name
            self.arrays.append(Shown(name, self.home[pack], pack, None))
        return self.whole[pack]

    # Text.

    def _write(self, before: Sequence[str], lines: Sequence[str]) -> None:
        self.before += before
        self.lines += lines

    def _value(self, out: Var, text: str, fixed: bool = False) -> None:
        line = f"{self.names[out]} = {text}"
        if fixed:
            self.before.append(line)
            self.fixed.add(out)
        else:
            self.lines.append(line)

    def _operation(self, equation: Equation, arguments: Sequence[Source], out: str) -> Operation:
        avals = [atom.aval for atom in equation.inputs]
        constants = [a.value if isinstance(a, Literal) else None for a in equation.inputs]
        name, params, result = equation.primitive.name, equation.params, equation.out.aval
        return Operation(name, params, arguments, avals, constants, out, result, self._text_of)

    def _expression(self, equation: Equation, arguments: Sequence[Source]) -> str:
        return equation.primitive.emit(arguments, equation.params, self._text_of).text

    def _atom(self, atom: Atom) -> Source:
        if isinstance(atom, Var):
            return Source(self.names[atom])
        if atom.aval.weak:
            return atom.source()
        key = (type(atom.value), repr(atom.value))
        if key not in self.numbers:
            name = f"number_{len(self.numbers) + 1}"
            while name in self.used:
                name += "_"
            self.used.add(name)
            self.numbers[key] = name
            self.before.append(f"{name} = {atom.source().text}")
        return Source(self.numbers[key])

    def _text_of(self, value: Any) -> str:
        if isinstance(value, Dim):
            return str(value).replace("*", " * ")
        if isinstance(value, tuple) and any(isinstance(item, Dim) for item in value):
            inner = ", ".join(map(self._text_of, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        return text_of_constant(value)

    def _finished(self) -> Layout:
        structure, atoms = self.told
        leaves = iter(atoms)
        result = container_text(structure, leaves, self._result)
        taken = [var for var in self.body.inputs if var not in self.held]
        constants = [self.names[var] for var in self.constants]
        written = set(_NAME.findall("\n".join([*self.before, *self.lines, result])))
        shown = [one for one in self.arrays if one.name in written]
        arrays = [one.name for one in shown]
        parameters = ", ".join([*self.body.axes, *constants, *arrays])
        inner = ", ".join(map(self._parameter, taken))
        body = [
            f"def step_within({parameters}):",
            *(f"    {line}" for line in self.before),
            "",
            f"    def bound_step({inner}):",
            *(f"        {line}" for line in self.lines),
            f"        return {result}",
            "",
            "    return bound_step",
        ]
        helpers = map(helper_text, self.body.helpers)
        imports = ["import numpy as np\n"]
        if "uniform_into" in written:
            imports = ["import numpy as np\n\nfrom pullback.engines.draws import uniform_into\n"]
        source = "\n\n".join([*imports, *helpers, "\n".join(body) + "\n"])
        axes = list(self.body.axes)
        return Layout(source, self.homes, shown, axes, self.constants, taken)

    def _parameter(self, var: Var) -> str:
        default = self.body.defaults.get(var)
        return self.names[var] + ("" if default is None else f"={text_of_constant(default)}")

    def _result(self, atom: Atom) -> str:
        """What a caller owns: a copy of what lies in memory that is used again."""
        text = self._atom(atom).text
        shared = isinstance(atom, Var) and atom.aval.shape
        return f"np.array({text})" if shared else text


def _last_readers(work: Sequence[Work]) -> dict[Var, int]:
    """The last instruction that reads each value itself."""
    last: dict[Var, int] = {}
    for number, one in enumerate(work):
        for part in one.inputs:
            for atom in part if isinstance(part, tuple) else (part,):
                if isinstance(atom, Var):
                    last[atom] = number
    return last
