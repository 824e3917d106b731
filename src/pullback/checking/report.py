"""What a gradient check found: one row per variable, its kinks, the error at each step size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .precision import WORDS

MOST_KINKS_SHOWN = 5


@dataclass(frozen=True)
class Kink:
    """An entry exactly on a kink, where the function has two slopes.

    Attributes:
        entry: Its index.
        below: The slope of the contracted result when the entry falls, by differences.
        above: The slope when it rises.
        derived: The derived value, by the conventions of the rules.
    """

    entry: tuple[int, ...]
    below: float
    above: float
    derived: float

    @property
    def is_between(self) -> bool:
        """Whether the derived value lies between the two slopes, up to the error of both.

        It need not where several kinks meet in one entry; no value is the slope there.
        """
        margin = 1e-5 * max(abs(self.below), abs(self.above))
        low, high = sorted((self.below, self.above))
        return low - margin <= self.derived <= high + margin

    def __str__(self) -> str:
        verdict = "between them" if self.is_between else "outside: several kinks meet"
        return (
            f"{list(self.entry) if self.entry else ''}: slopes {self.below + 0.0:.6g} and "
            f"{self.above + 0.0:.6g}, derived {self.derived + 0.0:.6g}, {verdict}"
        )


@dataclass(frozen=True)
class Step:
    """The error of a plain central difference along one random direction, at one step size.

    Attributes:
        size: The step h, relative to the entries that move.
        error: Relative error |derived - difference| / max(|derived|, |difference|) of the function
            with frozen branches: truncation to the right, rounding to the left.
        unfrozen: The same for the function as it is, kinks and all.
        crossings: How many entries change their branch within the step.
    """

    size: float
    error: float
    unfrozen: float
    crossings: int


@dataclass(frozen=True)
class VariableCheck:
    """What was checked of one variable.

    Attributes:
        name: As the caller writes it: x, params['W1'].
        shape: Its shape.
        checked: Number of entries, or of random directions, that were differenced.
        by_entry: Whether every entry was checked on its own.
        worst: Largest |derived - numeric| / max(|derived|, |numeric|, 1) that was met.
        relative: |derived - numeric| / max(|derived|, |numeric|) over all that was checked,
            as Euclidean norms; 0 where both are 0. Where the slopes themselves are rounding noise,
            `worst` if that is smaller.
        band: The word for `relative`: right, close, doubtful, wrong. A difference that the
            rounding of the differences explains is right.
        kinks: The entries exactly on a kink, where each entry was checked on its own.
        curve: The error at each step size.
        order: 1 for the gradient, 2 for its own derivative.
        problem: What is wrong, in a sentence; empty when it is right.
        undecided: Whether the problem leaves open what the right gradient is: it is not finite,
            or moves with the last digit of the arguments.
    """

    name: str
    shape: tuple[int, ...]
    checked: int
    by_entry: bool
    worst: float
    relative: float = 0.0
    band: str = WORDS[0]
    kinks: tuple[Kink, ...] = ()
    curve: tuple[Step, ...] = ()
    order: int = 1
    problem: str = ""
    undecided: bool = False

    @property
    def verdict(self) -> str:
        """The band, or wrong, or undecided."""
        if self.problem:
            return "undecided" if self.undecided else "wrong"
        return self.band

    @property
    def title(self) -> str:
        """Its name, marked where its second derivative was checked."""
        return self.name if self.order == 1 else f"{self.name}, 2nd"


@dataclass(frozen=True)
class GradientCheck:
    """The result of a gradient check.

    Attributes:
        variables: One per variable, and a second one with order=2.
        kinks: Number of entries exactly on a kink, by primitive or function with its own rule.
        problem: What is wrong with the function as a whole (it is not finite at the point, a
            rule chooses an impossible slope at a kink), in a sentence; else empty.
        undecided: Whether that problem is that the function is not finite there.
        dtype: The precision of the check, "f8" or "f4".

    Example:
        >>> import numpy as np, pullback as pb
        >>> check = pb.check_gradients(np.abs, np.array([-1.0, 0.0, 2.0]))
        >>> check.kinks, check.variables[0].checked
        ({'abs': 1}, 3)
    """

    variables: tuple[VariableCheck, ...]
    kinks: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    dtype: str = "f8"
    undecided: bool = False

    @property
    def problems(self) -> list[str]:
        """All that is wrong, a sentence each, and after that what is undecided."""
        of_variables = ((v.problem, v.undecided) for v in self.variables)
        found = [(self.problem, self.undecided), *of_variables]
        ordered = sorted(found, key=lambda problem: problem[1])
        return [problem for problem, _ in ordered if problem]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong.

        Example:
            >>> import numpy as np, pullback as pb
            >>> pb.check_gradients(np.tanh, np.ones(3)).is_right
            True
        """
        return not self.problems

    @property
    def verdict(self) -> str:
        """One word: right, wrong, or undecided, where something is open and nothing is wrong.

        Example:
            >>> import numpy as np, pullback as pb
            >>> pb.check_gradients(np.sqrt, np.zeros(2), raises=False).verdict
            'undecided'
        """
        if self.is_right:
            return "right"
        open_questions = [self.undecided] if self.problem else []
        open_questions += [v.undecided for v in self.variables if v.problem]
        return "undecided" if all(open_questions) else "wrong"

    def rows(self) -> list[list[str]]:
        """The table, its head first: variable, shape, checked, error, band, kinks."""
        table = [["variable", "shape", "checked", "error", "band", "kinks"]]
        return table + [_row(variable) for variable in self.variables]

    def kink_lines(self) -> list[str]:
        """How many entries lie on kinks of what, and the slopes of the first of them."""
        lines = [
            f"{count} {'entry' if count == 1 else 'entries'} of {name} "
            f"{'lies' if count == 1 else 'lie'} exactly on a kink"
            for name, count in self.kinks.items()
        ]
        judged = [f"  {v.name}{kink}" for v in self.variables for kink in v.kinks]
        more = len(judged) - MOST_KINKS_SHOWN
        return lines + judged[:MOST_KINKS_SHOWN] + ([f"  and {more} more"] if more > 0 else [])

    def __str__(self) -> str:
        verdict = f"the derived gradient is {self.verdict}"
        lines = [verdict, *_aligned(self.rows())] if self.variables else [verdict]
        lines += [f"  {line}" for line in self.kink_lines()]
        return "\n".join([*lines, *self.problems])

    def to_svg(self) -> str:
        """The error against the step size as a picture, one line for each variable.

        Both axes are logarithmic. From the right the error falls with the truncation of the
        difference, to the left it rises again with its rounding. Dashed lines are the function
        as it is, where a step crosses kinks; solid ones that with frozen branches.

        Returns:
            An SVG image as text.

        Example:
            >>> import numpy as np, pullback as pb
            >>> pb.check_gradients(np.tanh, np.ones(3)).to_svg()[:4]
            '<svg'
        """
        from .picture import curves_svg

        return curves_svg(self.variables)

    def _repr_html_(self) -> str:
        from .picture import page

        return page(self)


def _row(variable: VariableCheck) -> list[str]:
    one, many = ("entry", "entries") if variable.by_entry else ("direction", "directions")
    return [
        variable.title,
        "x".join(map(str, variable.shape)) or "scalar",
        f"{variable.checked} {one if variable.checked == 1 else many}",
        f"{variable.relative:.1e}",
        variable.verdict,
        str(len(variable.kinks) or ""),
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
