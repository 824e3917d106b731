"""`pb.check_backward`: a hand-written backward pass against the derived one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import UsageError
from ..tracing.trace import signature_of
from .coaching import coached
from .grade import graded
from .location import located
from .point import Point, Wrt, point_at
from .report import BackwardCheck


def check_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    /,
    *args: Any,
    wrt: Wrt = None,
    hint: bool = False,
    **kwargs: Any,
) -> BackwardCheck:
    """Grade a hand-written backward pass and name its first wrong line.

    The gradients that `backward` returns are compared with the derived ones,
    dW = (d loss / d W) for each floating argument W of the forward pass. If all are right,
    nothing else is looked at. Else the backward pass runs once more, line by line: each value
    that a line stores is compared by value with every derived value and error signal (equal, up
    to a constant factor, transposed, summed or not over an axis). The first wrong line is the
    first whose inputs are explained and whose value is not.

    Args:
        forward: The forward pass: a NumPy function that returns the loss, one floating number
            (or a tuple that begins with it).
        backward: The backward pass in plain NumPy, called with the same arguments (copies,
            floating ones in float64). It returns one array, a tuple or list in the order of the
            inputs, or a dict with keys such as dW1, grad_W1 or W1, nested as the inputs are.
        *args: The arguments: the point at which to compare.
        wrt: Names of the inputs whose gradients `backward` returns, in its order. When None they
            are told by keys, by their number, or by shape where that is unique.
        hint: Whether the report shows the next hint instead of the wrong line. A backward pass that
            raises an error is then taken for one that is not complete yet.
        **kwargs: Arguments by name.

    Returns:
        The report: true when every gradient is right; `print` it to read it.

    Raises:
        UnmatchedError: (a UsageError) When it is not clear which inputs the returned arrays
            belong to; it names the `wrt` to write.
        UsageError: When the forward pass has no gradient, the backward pass does not take its
            arguments, or something else than numbers is returned.
        TraceError: When the forward pass does what a program cannot record.

    Example:
        >>> import numpy as np, pullback as pb
        >>> def forward(x, W):
        ...     h = x @ W
        ...     return np.sum(np.maximum(h, 0) ** 2)
        >>> def backward(x, W):
        ...     h = x @ W
        ...     dh = 2 * np.maximum(h, 0)
        ...     return dh @ W.T, x.T @ dh
        >>> x, W = np.linspace(-1, 1, 6).reshape(2, 3), np.ones((3, 2))
        >>> print(pb.check_backward(forward, backward, x, W))  # doctest: +ELLIPSIS
        the backward pass is right
          dx 2x3      right, error ...
          dW 3x2      right, error ...
    """
    if not callable(backward):
        raise UsageError(f"backward must be a function, not {backward!r}.")
    point = point_at(forward, args, kwargs)
    _refuse_other_arguments(forward, backward, point)
    if hint:
        return coached(point, backward, wrt)
    grade = graded(point, returned_by(backward, point), wrt)
    verdicts = tuple(grade.verdicts.values())
    if grade.right:
        return BackwardCheck(verdicts, remarks=grade.remarks)
    place = located(grade, backward)
    return BackwardCheck(verdicts, place.first, place.suspects, grade.remarks, unseen=place.unseen)


def _refuse_other_arguments(
    forward: Callable[..., Any], backward: Callable[..., Any], point: Point
) -> None:
    """Refuse a backward pass that cannot be called with the forward's arguments."""
    try:
        signature_of(backward).bind(*point.args, **point.kwargs)
    except TypeError as error:
        raise UsageError(
            f"The backward is called with the arguments of {point.forward.name}, "
            f"{signature_of(forward)}; it takes {signature_of(backward)}: {error}."
        ) from None


def returned_by(backward: Callable[..., Any], point: Point) -> Any:
    """What the backward pass returns for the point's arguments."""
    args, kwargs = point.fresh_arguments()
    try:
        with np.errstate(all="ignore"):
            return backward(*args, **kwargs)
    except SystemExit:
        raise UsageError(
            "The backward ends the whole program (sys.exit); it must return the gradients."
        ) from None
