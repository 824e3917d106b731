"""The pictures of experiments, drawn from their numbers."""

from __future__ import annotations

from importlib import import_module

from matplotlib.figure import Figure

from ...experiments import Report


def draw(report: Report) -> dict[str, Figure]:
    """The pictures of an experiment by file name; a module of this folder draws each."""
    pictures: dict[str, Figure] = import_module(f".{report.name}", __name__).draw(report)
    return pictures
