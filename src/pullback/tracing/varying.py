"""Numbers that vary are inputs: settings of layers and losses, and what random draws depend on."""

from __future__ import annotations

from typing import Any

from ..primitives import random
from .traced import TracedArray


def varying(value: float, name: str, like: Any, shared: bool = False) -> Any:
    """A number of the surrounding code as an input of the program that `like` belongs to.

    The number is the input's default, so nobody has to give it, and nothing is traced again for
    another one.

    Args:
        value: A Python number.
        name: The input's name.
        like: A traced value; for anything else the number itself is returned.
        shared: Whether all that ask for this name get the same input; else each gets its own.

    Example:
        >>> import numpy as np, pullback as pb
        >>> from pullback.tracing import varying
        >>> program = pb.trace(lambda x: varying(0.1, "slope", x) * x, x="N")
        >>> program(np.ones(2)), program(np.ones(2), slope=0.5)
        (array([0.1, 0.1]), array([0.5, 0.5]))
    """
    return like.builder.varying(value, name, shared) if isinstance(like, TracedArray) else value


def uniform_like(x: Any) -> Any:
    """Numbers drawn from U[0, 1), one for each entry of x.

    The draw depends on four things alone: on the inputs `seed` and `step` of the program and on
    `first_row`, the place of x's first row in the whole batch (0 by default each), and on which
    draw of the program it is. So it is the same on every platform and in every engine, and two
    draws are never the same.

    Args:
        x: A floating array; its first axis is that of the rows.

    Returns:
        An array of x's shape and dtype.

    Example:
        >>> import numpy as np, pullback as pb
        >>> from pullback.tracing import uniform_like
        >>> program = pb.trace(lambda x: uniform_like(x), x="N 2")
        >>> a, b = program(np.ones((3, 2)), seed=1), program(np.ones((1, 2)), seed=1, first_row=2)
        >>> a[2].tolist() == b[0].tolist()
        True

    Source: see `pullback.primitives.threefry`.
    """
    if not isinstance(x, TracedArray):
        return random.uniform(0, 0, 0, operation=0, shape=x.shape, dtype=x.dtype)
    builder = x.builder
    numbers = [builder.varying(0, name, shared=True) for name in ("seed", "step", "first_row")]
    params = {"operation": builder.next_draw(), "shape": x.aval.shape, "dtype": x.dtype}
    return builder.bind(random.uniform, numbers, params)
