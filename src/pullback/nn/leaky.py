"""The leaky relatives of ReLU as layers: x where x > 0, else slope * x.

They differ in where the slope comes from: a fixed number, one that is learned, a random one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..errors import UsageError
from ..tracing import uniform_like, varying
from .activations import Elementwise
from .elementwise import leaky_relu, prelu
from .initializers import Weights, he_normal
from .protocol import Described, Params, State, WithoutParameters
from .settings import number_in, one_of


@dataclass(frozen=True)
class LeakyReLU(Elementwise):
    """x where x > 0, else slope * x, as a layer. See `pb.nn.leaky_relu`.

    Args:
        slope: The slope below 0 and at 0, in (0, 1); varies without a new trace.

    Raises:
        UsageError: When the slope is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.LeakyReLU(0.1).apply({}, {}, np.array([-1.0, 2.0]), training=True)[0]
        array([-0.1,  2. ])
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        number_in("()", 0, 1, "LeakyReLU", "slope", self.slope)

    @property
    def suits(self) -> Weights:
        """He's weights with the gain of this slope."""
        return partial(he_normal, slope=self.slope)

    def function(self, x: Any) -> Any:
        """leaky_relu(x, slope)."""
        return leaky_relu(x, varying(float(self.slope), "slope", x))


@dataclass(frozen=True)
class PReLU(Described):
    """x where x > 0, else slope * x with a slope that is learned by backpropagation.

    The gradient of a slope is sum(ct * min(x, 0)) over the entries that share it. It is PyTorch's
    PReLU, which starts at 0.25 as well. Penalties leave the slope alone, as the paper has it.

    Args:
        slope: What the slope starts at; finite.
        per: "layer" for one slope, "unit" for one per unit.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> params, _ = pb.nn.PReLU(per="unit").init(np.random.default_rng(0), (3,))
        >>> params
        {'slope': array([0.25, 0.25, 0.25])}

    Source: He et al., Delving deep into rectifiers (2015).
    """

    names: ClassVar[tuple[str, ...]] = ("slope",)
    output_name: ClassVar[str] = "h"

    slope: float = 0.25
    per: str = "layer"

    def __post_init__(self) -> None:
        number_in("()", -math.inf, math.inf, "PReLU", "slope", self.slope)
        one_of(["layer", "unit"], "PReLU", "per", self.per)

    @property
    def suits(self) -> Weights:
        """He's weights with the gain of the slope at the start."""
        return partial(he_normal, slope=self.slope)

    def init(self, random: np.random.Generator, shape: tuple[int, ...]) -> tuple[Params, State]:
        """The slope, of shape (1,) or of the shape of one sample."""
        return {"slope": np.full(shape if self.per == "unit" else (1,), float(self.slope))}, {}

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """prelu(x, slope)."""
        return prelu(x, params["slope"]), state


@dataclass(frozen=True)
class RandomizedLeakyReLU(WithoutParameters):
    """x where x > 0, else slope * x; the slope is random in training and its mean in prediction.

    In training it is drawn from U[lower, upper), anew for each entry and step; in prediction it
    is (lower + upper) / 2. Both bounds vary without a new trace. The gradient takes the slopes
    that were drawn for the value; the draws depend on seed, step and place alone (`Dropout`).

    Args:
        lower: Lower bound of the slope.
        upper: Upper bound; 0 <= lower <= upper <= 1.

    Raises:
        UsageError: When a bound is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> layer = pb.nn.RandomizedLeakyReLU(0.25, 0.75)
        >>> layer.apply({}, {}, np.array([-1.0, 2.0]), training=False)[0]
        array([-0.5,  2. ])

    Source: Xu et al., Empirical evaluation of rectified activations in convolutional network
    (2015), section 2.4; bounds 1/8 and 1/3 as there (it divides by U(3, 8)) and in PyTorch,
    which draws the slope itself, as here.
    """

    output_name: ClassVar[str] = "h"

    lower: float = 1 / 8
    upper: float = 1 / 3

    def __post_init__(self) -> None:
        number_in("[]", 0, 1, "RandomizedLeakyReLU", "lower", self.lower)
        number_in("[]", 0, 1, "RandomizedLeakyReLU", "upper", self.upper)
        if self.lower > self.upper:
            raise UsageError(
                f"RandomizedLeakyReLU(lower={self.lower!r}, upper={self.upper!r}): "
                "lower must be at most upper."
            )

    @property
    def suits(self) -> Weights:
        """He's weights with the gain of the mean square slope."""
        mean_square = (self.lower**2 + self.lower * self.upper + self.upper**2) / 3
        return partial(he_normal, slope=math.sqrt(mean_square))

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """leaky_relu(x, slope) with a slope per entry in training, else with its mean."""
        lower = varying(float(self.lower), "lower", x)
        upper = varying(float(self.upper), "upper", x)
        if training:
            slope = lower + (upper - lower) * uniform_like(x)
        else:
            slope = (lower + upper) / 2
        return leaky_relu(x, slope), state
