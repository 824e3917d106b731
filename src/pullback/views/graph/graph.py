"""Graph: the picture of a program, forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError, nearest
from ...lazy import cached_property
from ...program import FORWARD, Program, Var
from ...tracing.replay import replay_values
from ...transforms.derivation import Derivation, derivation_of, derive
from .dot import dot_of
from .folding import MOST, folded
from .picture import Picture, picture_of
from .reading import Reader
from .scene import Scene
from .signals import Signals
from .svg import svg_of

DIRECTIONS = ["right", "down"]
FEWEST = 10
"""Nodes that a picture must be allowed to have."""


@dataclass(frozen=True)
class Graph:
    """A picture of a program: what it says, and where everything stands.

    Values run along the wires in blue, error signals come back in orange. `print(graph)` shows
    its nodes as text; in a notebook it draws itself.

    Attributes:
        scene: What it says: nodes, texts, wires.
        direction: "right" or "down"; by size when None.

    Example:
        >>> import numpy as np, pullback as pb
        >>> program = pb.trace(lambda x, W: np.sum(x @ W), x="N 3", W="3 2")
        >>> graph = pb.grad(program, wrt="W").to_graph()
        >>> graph.svg()[:4], graph.dot()[:7]
        ('<svg', 'digraph')
        >>> print(graph)
        <lambda>: 2 equations from x (N, 3), W (3, 2); error signals flow back to dW.
          Input x, shape (N, 3), float64
          Input W, shape (3, 2), float64
          matmul = x @ W, shape (N, 2)
          sum_1 = sum(matmul), shape ()
          Output return: sum_1, shape ()
    """

    scene: Scene
    direction: str | None = None

    def __post_init__(self) -> None:
        if self.direction not in (None, *DIRECTIONS):
            raise UsageError(
                f"direction={self.direction!r}: allowed are 'right', 'down', and None for what "
                f"suits the size.{nearest(str(self.direction), DIRECTIONS)}"
            )

    @cached_property
    def picture(self) -> Picture:
        """Its boxes, texts and wires in place, as data."""
        return picture_of(self.scene, self.direction)

    def svg(self) -> str:
        """It as SVG: one file without scripts that follows the reader's light or dark mode.

        Returns:
            The text of an svg element. Each node and wire is a group with the attribute data-var,
            the name of its variable, and a title that says what it is.
        """
        return svg_of(self.picture)

    def dot(self) -> str:
        """It in DOT, the language of Graphviz.

        Returns:
            The text of a digraph; edges that point back are error signals.
        """
        return dot_of(self.scene, self.direction)

    def save(self, path: str | Path) -> None:
        """Write it to a file.

        Args:
            path: A file that ends in .svg or .dot; one that is there is replaced.

        Raises:
            UsageError: When the file has another ending.
            OSError: When it cannot be written.
        """
        written(path, {".svg": self.svg, ".dot": self.dot, ".gv": self.dot})

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        nodes = [f"  {node.description}" for node in self.scene.nodes]
        return "\n".join([f"{self.scene.title}: {self.scene.description}", *nodes])

    def __repr__(self) -> str:
        return f"<Graph {self.scene.title}: {len(self.scene.nodes)} nodes>"


def written(path: str | Path, forms: Mapping[str, Callable[[], str]]) -> None:
    """Write a picture to a file in the form that its ending names.

    Raises:
        UsageError: When the file has another ending.
    """
    file = Path(path)
    form = forms.get(file.suffix.lower())
    if form is None:
        allowed = " or ".join(list(forms)[:2])
        raise UsageError(f"save({str(path)!r}): a picture is written as {allowed}.")
    file.write_text(form(), encoding="utf-8")


def draw(
    program: Program,
    inputs: Mapping[Var, Any] | None = None,
    backward: bool | None = None,
    direction: str | None = None,
    most: int = MOST,
) -> Graph:
    """The picture of a program; see `Program.to_graph`.

    Args:
        program: A forward program, a gradient, or any other program.
        inputs: A value per input; named axes must have lengths then.
        backward: Whether error signals are drawn; None where the program says it.
        direction: As for `Graph`.
        most: As for `graph_of`.
    """
    derivation = _derivation(program, backward)
    values = None
    if inputs is not None and derivation is None:
        values = replay_values(program, inputs)
    elif inputs is not None and derivation is not None:
        by_name = {program.names[var]: value for var, value in inputs.items()}
        given = zip(derivation.program.argument_inputs, inputs.values(), strict=False)
        defaults = derivation.program.defaults
        names = derivation.program.names
        known = {var: by_name.get(names[var], value) for var, value in defaults.items()}
        values = derivation.values({**known, **dict(given)})
    return graph_of(program, derivation, values, direction, most)


def _derivation(program: Program, backward: bool | None) -> Derivation | None:
    if backward is False:
        return None
    if program.origin is not None:
        return derivation_of(program)
    loss = program.outputs[0] if program.outputs else None
    is_loss = loss is not None and loss.aval.is_float and loss.aval.shape == ()
    only_forward = all(equation.stage == FORWARD for equation in program.equations)
    floating = any(var.aval.is_float for var in program.argument_inputs)
    if backward or (is_loss and only_forward and floating and isinstance(loss, Var)):
        return derive(program, seeded=is_loss)
    return None


def graph_of(
    program: Program,
    derivation: Derivation | None = None,
    values: Mapping[Var, Any] | None = None,
    direction: str | None = None,
    most: int = MOST,
) -> Graph:
    """The picture of a program.

    Args:
        program: What to draw; with a derivation, its forward program is drawn instead.
        derivation: The derivation of the backward pass, whose error signals are drawn too.
        values: The value of each variable of what is drawn (`derivation.values(inputs)`).
        direction: "right" or "down"; by size when None.
        most: How many nodes are drawn one by one; larger programs are folded to fewer.
    """
    if not isinstance(most, int) or most < FEWEST:
        raise UsageError(f"most={most!r}: it must be a whole number of nodes, at least {FEWEST}.")
    signals = None if derivation is None else Signals(derivation, values)
    drawn = program if derivation is None else derivation.forward
    return Graph(folded(Reader(drawn, signals, values).scene(), most), direction)
