"""Adam: momentum and RMSProp with their start from 0 corrected; AMSGrad and AdamW."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .decay import decay_number, decayed
from .parts import copies_of, each, moving_average, squares
from .protocol import Arrays, Numbers, State
from .settings import ABOVE_0, AT_LEAST_0, FROM_0_BELOW_1, Checked, Range
from .table import square_root


@dataclass(frozen=True, repr=False)
class Adam(Checked):
    """Steps along the mean gradient, divided by the root of its mean square.

    m <- beta1 * m + (1 - beta1) * g
    v <- beta2 * v + (1 - beta2) * g^2
    w <- w - step_size * m / (sqrt(v) * root_correction + epsilon)

    m and v begin at 0, which at step t makes them too small by the factors 1 - beta1^t and
    1 - beta2^t. So step_size = learning_rate / (1 - beta1^t) and
    root_correction = 1 / sqrt(1 - beta2^t); both depend on the step alone and are computed in
    float64.

    As `torch.optim.Adam`: epsilon is added to the corrected root. (The paper's section 2 gives a
    faster form that adds it to the root before correction.) PyTorch's weight_decay is an L2
    penalty on all parameters; here `pb.losses.L2` adds one on weight matrices to the loss.
    `AdamW` decays weights without a penalty.

    Args:
        learning_rate: A finite number above 0; about the largest change of an entry per step.
        beta1: In [0, 1): how much of m stays.
        beta2: In [0, 1): how much of v stays.
        epsilon: A number above 0 that keeps the division finite.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.Adam(0.1)
        >>> params = {"w": np.array([2.0, 2.0])}
        >>> gradients, numbers = {"w": np.array([3.0, -0.5])}, rule.numbers(1, 0.1)
        >>> moved, state = rule.update(gradients, rule.init(params), params, numbers)
        >>> moved["w"].round(6), sorted(state)
        (array([1.9, 2.1]), ['m', 'v'])

    Source: Kingma and Ba, Adam: a method for stochastic optimization (2015), algorithm 1.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    ranges: ClassVar[dict[str, Range]] = {
        "learning_rate": ABOVE_0,
        "beta1": FROM_0_BELOW_1,
        "beta2": FROM_0_BELOW_1,
        "epsilon": ABOVE_0,
    }

    def init(self, params: Arrays) -> State:
        """m = v = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "m", "v")

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The betas, epsilon, and the two factors of the step."""
        return {
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "step_size": float(learning_rate) / (1 - self.beta1**step),
            "root_correction": 1 / square_root(1 - self.beta2**step),
        }

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        new = _moments(gradients, state, numbers)
        return _moved(params, new["m"], new["v"], numbers), new


@dataclass(frozen=True, repr=False)
class AMSGrad(Adam):
    """`Adam` that divides by the root of the largest v so far, so that steps cannot grow again.

    v_max <- max(v_max, v), and v_max takes the place of v in the step. v_max begins at 0.

    As `torch.optim.Adam(amsgrad=True)`: the largest v is taken before the correction by
    1 - beta2^t, which is then that of the present step. The paper has no corrections. Weight
    decay is as with `Adam`; `Decayed(AMSGrad())` is `torch.optim.AdamW(amsgrad=True)` on matrices.

    Args:
        learning_rate: A finite number above 0.
        beta1: In [0, 1): how much of m stays.
        beta2: In [0, 1): how much of v stays.
        epsilon: A number above 0 that keeps the division finite.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.AMSGrad(0.1)
        >>> params = {"w": np.array([2.0])}
        >>> gradients, numbers = {"w": np.array([3.0])}, rule.numbers(1, 0.1)
        >>> moved, state = rule.update(gradients, rule.init(params), params, numbers)
        >>> moved["w"].round(6), sorted(state)
        (array([1.9]), ['m', 'v', 'v_max'])

    Source: Reddi, Kale and Kumar, On the convergence of Adam and beyond (2018).
    """

    def init(self, params: Arrays) -> State:
        """m = v = v_max = 0 for every parameter."""
        return copies_of(np.zeros_like, params, "m", "v", "v_max")

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        new = _moments(gradients, state, numbers)
        new["v_max"] = each("v_max", np.maximum, state["v_max"], new["v"])
        return _moved(params, new["m"], new["v_max"], numbers), new


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """`Adam` whose weights also shrink: w <- (1 - learning_rate * weight_decay) * w before it.

    The decay does not pass through the division by sqrt(v), as that of an L2 penalty does, so
    all weights shrink alike. It acts on weight matrices (arrays of two or more axes).

    As `torch.optim.AdamW`, which decays every parameter: biases and learned scales too. Its
    `amsgrad=True` is `Decayed(AMSGrad())` here.

    Args:
        learning_rate: A finite number above 0.
        beta1: In [0, 1): how much of m stays.
        beta2: In [0, 1): how much of v stays.
        epsilon: A number above 0 that keeps the division finite.
        weight_decay: A finite number of at least 0.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> rule = pb.optim.AdamW(0.1)
        >>> params = {"W": np.array([[2.0]]), "b": np.array([2.0])}
        >>> gradients, numbers = {"W": np.zeros((1, 1)), "b": np.zeros(1)}, rule.numbers(1, 0.1)
        >>> rule.update(gradients, rule.init(params), params, numbers)[0]
        {'W': array([[1.998]]), 'b': array([2.])}

    Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019).
    """

    weight_decay: float = 0.01
    ranges: ClassVar[dict[str, Range]] = {**Adam.ranges, "weight_decay": AT_LEAST_0}

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """Those of `Adam`, and the share of a weight that stays."""
        return super().numbers(step, learning_rate) | decay_number(learning_rate, self.weight_decay)

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step; all dicts have the same names and shapes."""
        return super().update(gradients, state, decayed(params, numbers), numbers)


def _moments(gradients: Arrays, state: State, numbers: Numbers) -> State:
    return {
        "m": moving_average("m", state["m"], gradients, numbers["beta1"]),
        "v": moving_average("v", state["v"], squares(gradients), numbers["beta2"]),
    }


def _moved(params: Arrays, m: Arrays, v: Arrays, numbers: Numbers) -> Arrays:
    step_size, root_correction = numbers["step_size"], numbers["root_correction"]
    epsilon = numbers["epsilon"]
    steps = each("step", lambda m, v: m / (np.sqrt(v) * root_correction + epsilon), m, v)
    return each("", lambda w, s: w - step_size * s, params, steps)
