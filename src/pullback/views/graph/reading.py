"""Program -> scene: a node for each input, equation and output, a wire for each value.

What only moves entries (x.T) is a note on the wire; constants and lengths of axes stand in the
text of the operation that uses them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ...dims import product
from ...program import FORWARD, Atom, Equation, Program, Var
from .gates import MEANING
from .scene import INPUT, LEARNED, OPERATION, OUTPUT, Entry, Node, Scene
from .signals import Signals
from .texts import long_summary, operation_text, shortened, summary


class Reader:
    """Reads a program into nodes.

    Args:
        program: What to show.
        signals: Its error signals, if they are to be shown.
        values: The value of each variable, if it has run.
    """

    def __init__(
        self, program: Program, signals: Signals | None, values: Mapping[Var, Any] | None
    ) -> None:
        self.program, self.signals, self.values = program, signals, values
        self.names = program.names
        self.producers = {equation.out: equation for equation in program.equations}
        self.uses = Counter(
            atom
            for equation in program.equations
            for atom in equation.inputs
            if isinstance(atom, Var)
        )
        self.uses.update(atom for atom in program.outputs if isinstance(atom, Var))
        self.written = self._written_in_place()
        self.moved = {e.out for e in program.equations if self._only_moves(e)}

    def scene(self) -> Scene:
        """The whole picture."""
        nodes = [self._input(var) for var in self.program.inputs if var not in self.written]
        nodes += [
            self._operation(equation)
            for equation in self.program.equations
            if equation.out not in self.moved and equation.out not in self.written
        ]
        nodes += [
            self._output(position, atom)
            for position, atom in enumerate(self.program.outputs)
            if isinstance(atom, Var) and atom not in self.written
        ]
        return Scene(
            title=self.program.name,
            description=self._description(),
            nodes=tuple(nodes),
            has_values=self.values is not None,
            has_errors=self.signals is not None,
        )

    def _description(self) -> str:
        inputs = ", ".join(f"{self.names[v]} {v.aval.shape_text}" for v in self.program.inputs)
        told = f"{len(self.program.equations)} equations from {inputs or 'no inputs'}"
        if self.signals is not None:
            back = ", ".join(f"d{self.names[var]}" for var in self.signals.derivation.wrt)
            told += f"; error signals flow back to {back}"
        return f"{told}."

    # What gets no node.

    def _written_in_place(self) -> dict[Any, str]:
        """Lengths of axes and numbers that have a default: the text that stands for them."""
        written: dict[Any, str] = {
            var: self.names[var] for var in self.program.defaults if var.aval.weak
        }
        for equation in self.program.equations:
            if not equation.inputs and equation.primitive.free_to_repeat(equation.params):
                written[equation.out] = operation_text(equation, {})
        return written

    def _only_moves(self, equation: Equation) -> bool:
        """Whether it may be a note on a wire: it moves entries, for one use, without a name."""
        out = equation.out
        if not equation.primitive.view or len(equation.inputs) != 1 or out.named:
            return False
        (operand,) = equation.inputs
        same = product(operand.aval.shape) == product(out.aval.shape)
        inner = self.uses[out] == 1 and out not in self.program.outputs
        return isinstance(operand, Var) and operand not in self.written and same and inner

    # Nodes.

    def _input(self, var: Var) -> Node:
        learned = self.signals is not None and var in self.signals.derivation.wrt
        captured = var in self.program.defaults
        what = "Captured array" if captured else "Input"
        name = self.names[var]
        return Node(
            key=f"n_{name}",
            kind=LEARNED if learned else INPUT,
            stage=FORWARD,
            var=name,
            title=shortened(name),
            value=self._value_lines(var, ""),
            error=self._error_lines(var, name),
            description=f"{what} {name}, shape {var.aval.shape_text}, {var.aval.dtype}",
            details=self._details(var),
        )

    def _operation(self, equation: Equation) -> Node:
        out = equation.out
        name = self.names[out]
        shown = name if out.named else ""
        details = list(self._details(out))
        if equation.where is not None:
            details.append(f"{equation.where}.")
        notes, told = self._gate_notes(equation)
        return Node(
            key=f"n_{name}",
            kind=OPERATION,
            stage=equation.stage,
            var=name,
            title=operation_text(equation, self.written),
            notes=notes,
            value=self._value_lines(out, shown),
            error=self._error_lines(out, shown),
            entries=tuple(
                self._entry(atom, equation, position)
                for position, atom in enumerate(equation.inputs)
                if isinstance(atom, Var) and atom not in self.written
            ),
            named=out.named,
            description=f"{name} = {self._full_text(equation)}, shape {out.aval.shape_text}",
            details=(*told, *details),
        )

    def _output(self, position: int, atom: Var) -> Node:
        name = self.program.output_names[position]
        many = len(self.program.outputs) > 1
        title = name or (f"return [{position}]" if many else "return")
        seed = "" if self.signals is None else self.signals.seed(atom)
        if atom in self.program.outputs[:position]:
            seed = ""
        source, note = self._origin(atom)
        return Node(
            key=f"o_{position}",
            kind=OUTPUT,
            stage=FORWARD,
            var=self.names[atom],
            title=shortened(title),
            entries=(
                Entry(
                    source=f"n_{self.names[source]}",
                    var=self.names[source],
                    note=note,
                    signal=bool(seed),
                    contribution="" if seed and self._seed_is_all(atom) else seed,
                    description=f"The error signal {seed} enters here." if seed else "",
                ),
            ),
            description=f"Output {title}: {self.names[atom]}, shape {atom.aval.shape_text}",
            details=self._details(atom),
        )

    def _seed_is_all(self, var: Var) -> bool:
        """Whether the seed stands beside the wire already, as the complete error signal."""
        assert self.signals is not None
        return self.values is not None and len(self.signals.derivation.children(var)) == 1

    def _entry(self, atom: Var, equation: Equation, position: int) -> Entry:
        source, note = self._origin(atom)
        by, place = self._use(atom, equation, position)
        signals = self.signals
        return Entry(
            source=f"n_{self.names[source]}",
            var=self.names[source],
            note=note,
            signal=signals is not None and signals.sends(by, place, source),
            contribution="" if signals is None else signals.contribution(by, place, source),
            description="" if signals is None else signals.told(by, place, source),
        )

    def _origin(self, atom: Var) -> tuple[Var, str]:
        """The value that a wire starts at, and the moves on the way."""
        notes: list[str] = []
        while atom in self.moved:
            equation = self.producers[atom]
            notes.insert(0, shortened(operation_text(equation, {}).removeprefix("·")))
            (operand,) = equation.inputs
            assert isinstance(operand, Var)
            atom = operand
        return atom, " ".join(notes)

    def _use(self, atom: Var, equation: Equation, position: int) -> tuple[Equation, int]:
        """The use at the start of a wire: the first move on it, or the operation itself."""
        while atom in self.moved:
            equation, position = self.producers[atom], 0
            (operand,) = equation.inputs
            assert isinstance(operand, Var)
            atom = operand
        return equation, position

    # Texts.

    def _value_lines(self, var: Var, name: str) -> tuple[str, ...]:
        shape = var.aval.shape_text if var.aval.ndim else "" if name else "scalar"
        head = f"{name} {shape}".strip()
        if self.values is None:
            return (head,)
        return (head, summary(self.values[var]))

    def _error_lines(self, var: Var, name: str) -> tuple[str, ...]:
        return () if self.signals is None else self.signals.lines(var, name)

    def _details(self, var: Var) -> tuple[str, ...]:
        told = []
        if self.values is not None:
            told.append(f"Value: {long_summary(self.values[var])}.")
        if self.signals is not None:
            told += self.signals.details(var)
        return tuple(told)

    def _gate_notes(self, equation: Equation) -> tuple[tuple[str, ...], tuple[str, ...]]:
        if self.signals is None or not (gate := self.signals.gate(equation)):
            return (), ()
        notes, told = [gate], [f"It {MEANING[gate]}."]
        count = self.signals.stopped(equation)
        if count is not None and count[0]:
            notes.append(f"{count[0]:,} of {count[1]:,} stopped")
            told.append(
                f"Error signal: {count[0]:,} of {count[1]:,} entries stopped, "
                "the local slope there is 0."
            )
        return tuple(notes), tuple(told)

    def _full_text(self, equation: Equation) -> str:
        names: dict[Atom, str] = {v: self.written.get(v, n) for v, n in self.names.items()}
        return operation_text(equation, names, longest=200)
