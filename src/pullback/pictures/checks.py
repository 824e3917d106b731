"""The error of differences against their step size: a V between truncation and rounding."""

from __future__ import annotations

from matplotlib.figure import Figure

from ..checking import GradientCheck, VariableCheck
from .style import SOFT, clear

LEAST = 1e-17
"""What 0 is drawn as, on an axis that has none."""


def error_figure(check: GradientCheck) -> Figure:
    """A line for each variable; dashed, where steps cross kinks, the function as it is.

    Args:
        check: A check with curves.
    """
    figure = Figure(figsize=(7, 4.4), layout="constrained")
    axes = figure.subplots()
    for number, variable in enumerate(v for v in check.variables if v.curve):
        color = f"C{number % 10}"
        sizes = [step.size for step in variable.curve]
        errors = [max(step.error, LEAST) for step in variable.curve]
        axes.loglog(sizes, errors, color=color, marker="o", markersize=4, label=variable.title)
        if _crosses(variable):
            bare = [max(step.unfrozen, LEAST) for step in variable.curve]
            label = f"{variable.title}, kinks and all"
            axes.loglog(sizes, bare, color=color, linestyle="--", label=label)
    axes.set_title("Error of a central difference")
    axes.set_xlabel("step size h, relative to the values that move", color=SOFT)
    axes.set_ylabel("relative error", color=SOFT)
    clear(axes)
    if axes.lines:
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _crosses(variable: VariableCheck) -> bool:
    return any(step.crossings for step in variable.curve)
