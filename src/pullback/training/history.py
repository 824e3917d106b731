"""What was measured while training, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping

from ..views.chart import line_chart_svg
from ..views.notebook import table_html

WATCHED = "validation_"
APART = ("epoch", "seconds", "samples_per_second", "learning_rate", "penalty")
"""Entries that have no curve."""

MOST_CURVES = 3


class History(tuple[Mapping[str, float], ...]):
    """One record per epoch, the first of which is before the first step; see `Run.history`."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        if not self:
            return "<p>No epoch was trained.</p>"
        last = self[-1]
        rows = [(name, f"{value:.6g}") for name, value in last.items()]
        charts = "".join(self._chart(name) for name in self._curves())
        return f"<div>{charts}{table_html(('in the last epoch', 'value'), rows)}</div>"

    def _curves(self) -> list[str]:
        names = [name.removeprefix(WATCHED) for name in self[-1]]
        return [name for name in dict.fromkeys(names) if name not in APART][:MOST_CURVES]

    def _chart(self, name: str) -> str:
        lines = {}
        for word, key in (("trained on", name), ("watched", WATCHED + name)):
            points = [(r["epoch"], r[key]) for r in self if r.get(key) is not None]
            if points:
                lines[word] = points
        return line_chart_svg(name.replace("_", " "), lines, "epoch")
