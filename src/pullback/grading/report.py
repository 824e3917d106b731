"""The report on a hand-written backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .verdict import GradientVerdict


@dataclass(frozen=True)
class WrongLine:
    """The first wrong line of a backward pass.

    Attributes:
        name: The variable that the line stores, as it is written: dh, grads['W1'].
        line: Its number in the file.
        text: The line.
        kind: What kind of wrong it is, such as "mask from the wrong side"; empty when that
            cannot be shown.
        why: A sentence with the evidence.
        file: The file, without folders.
    """

    name: str
    line: int
    text: str
    kind: str
    why: str
    file: str = ""


@dataclass(frozen=True)
class BackwardCheck:
    """The report on a hand-written backward pass; true when every gradient is right.

    Attributes:
        gradients: The verdict on each gradient, in the order of the inputs.
        first_wrong: The first wrong line; None when all is right or no line can be shown wrong.
        suspects: Where no single line can be shown wrong: the lines (number, text) to look at.
        remarks: What is no mistake and worth knowing: choices at kinks, low precision.
        hint: The next hint, where one was asked for.
        unseen: Why its lines could not be looked at; empty where they were.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def forward(x, W):
        ...     return np.sum((x @ W) ** 2)
        >>> def backward(x, W):
        ...     return x.T @ (x @ W)
        >>> x, W = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
        >>> check = pb.check_backward(forward, backward, x, W, wrt="W")
        >>> bool(check), check.gradients[0].how
        (False, 'it is 1/2 times the right one')
    """

    gradients: tuple[GradientVerdict, ...]
    first_wrong: WrongLine | None = None
    suspects: tuple[tuple[int, str], ...] = ()
    remarks: tuple[str, ...] = ()
    hint: str = ""
    unseen: str = ""

    @property
    def right(self) -> bool:
        """Whether every gradient is right."""
        return all(gradient.right for gradient in self.gradients)

    @property
    def points(self) -> Mapping[str, int]:
        """One point for each right gradient, by the input's name."""
        return {gradient.name: int(gradient.right) for gradient in self.gradients}

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        lines = ["the backward pass is right" if self.right else "the backward pass is wrong"]
        width = max(len(gradient.name) for gradient in self.gradients)
        lines += [f"  {_line_of(gradient, width, not self.hint)}" for gradient in self.gradients]
        if self.hint:
            lines += [f"hint: {self.hint}"]
        elif not self.right:
            lines += self._where()
        return "\n".join([*lines, *(f"remark: {remark}" for remark in self.remarks)])

    def _where(self) -> list[str]:
        wrong = self.first_wrong
        if wrong is not None:
            kind = f" ({wrong.kind})" if wrong.kind else ""
            place = f"{wrong.file}, line {wrong.line}" if wrong.file else f"line {wrong.line}"
            shown = [f"first wrong: {wrong.name}{kind}", f"  {place}: {wrong.text}"]
            return [*shown, f"  {wrong.why}"] if wrong.why else shown
        if self.suspects:
            told = [f"  line {number}: {text}" for number, text in self.suspects]
            return ["no single line can be shown wrong; look at these:", *told]
        if self.unseen:
            return [f"no line can be shown wrong: {self.unseen}"]
        return ["no single line can be shown wrong"]

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"


def _line_of(gradient: GradientVerdict, width: int, in_full: bool) -> str:
    """One gradient; beside a hint, how it is wrong would give too much away."""
    shape = "x".join(map(str, gradient.shape)) or "scalar"
    told = f"WRONG: {gradient.how}" if in_full or np.isnan(gradient.error) else "WRONG"
    verdict = "right" if gradient.right else told
    error = (
        "" if np.isnan(gradient.error) or not gradient.right else f", error {gradient.error:.1e}"
    )
    return f"d{gradient.name:<{width}} {shape:<8} {verdict}{error}"
