"""Activations as layers. A custom one is any NumPy function, by itself or in an `Activation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ..errors import UsageError
from ..tracing import varying
from . import elementwise
from .functions import softmax
from .initializers import Weights, initializer_of
from .protocol import Params, State, WithoutParameters
from .settings import number_in, one_of, real


class Elementwise(WithoutParameters):
    """A function without parameters as a layer; `function` says which.

    Attributes:
        suits: The initial weights that suit a Dense layer in front of it.
    """

    output_name: ClassVar[str] = "h"

    @property
    def suits(self) -> Weights:
        """Glorot's weights, for functions with slope 1 at 0 that saturate or are linear."""
        return "glorot"

    def function(self, x: Any) -> Any:
        """The activation of an array of any shape."""
        raise NotImplementedError

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """function(x)."""
        return self.function(x), state


class Rectifier(Elementwise):
    """An activation that lets about half of the variance through."""

    @property
    def suits(self) -> Weights:
        """He's weights."""
        return "he"


@dataclass(frozen=True)
class Activation(WithoutParameters):
    """A function without parameters as a layer.

    Args:
        function: Any NumPy function that `pb.trace` accepts; it works entry by entry.
        name: How the layer is printed; the function's name when empty.
        weights: The initial weights that suit a Dense layer in front of it: a name in
            `INITIALIZERS` or a function.

    Raises:
        UsageError: When the function cannot be called, the name is no text, or the weights are
            neither a known name nor a function.

    Example:
        >>> import numpy as np, pullback as pb
        >>> print(pb.nn.Activation(np.tanh))
        tanh
    """

    output_name: ClassVar[str] = "h"

    function: Callable[[Any], Any]
    name: str = ""
    weights: Weights = "glorot"

    def __post_init__(self) -> None:
        if not callable(self.function) or isinstance(self.function, type):
            raise UsageError(
                f"Activation(function={self.function!r}): it must be a NumPy function of one array."
            )
        if not isinstance(self.name, str):
            raise UsageError(f"Activation(name={self.name!r}): it must be text.")
        initializer_of("Activation", self.weights)

    @property
    def suits(self) -> Weights:
        """What `weights` says."""
        return self.weights

    def apply(self, params: Params, state: State, x: Any, *, training: bool) -> tuple[Any, State]:
        """function(x)."""
        return real(str(self), self.function(x), "what it gives"), state

    def __str__(self) -> str:
        return self.name or getattr(self.function, "__name__", "activation")


@dataclass(frozen=True)
class Identity(Elementwise):
    """x itself, as a layer.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Identity().apply({}, {}, np.array([-1.0, 2.0]), training=True)[0]
        array([-1.,  2.])
    """

    def function(self, x: Any) -> Any:
        """x."""
        return elementwise.identity(x)


@dataclass(frozen=True)
class ReLU(Rectifier):
    """max(x, 0) as a layer; its slope at 0 is 0. See `pb.nn.relu`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.ReLU().apply({}, {}, np.array([-1.0, 2.0]), training=True)[0]
        array([0., 2.])
    """

    def function(self, x: Any) -> Any:
        """max(x, 0)."""
        return elementwise.relu(x)


@dataclass(frozen=True)
class ELU(Rectifier):
    """x where x > 0, else alpha * (exp(x) - 1), as a layer. See `pb.nn.elu`.

    Args:
        alpha: Minus the value at minus infinity, above 0; varies without a new trace.

    Raises:
        UsageError: When alpha is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> print(pb.nn.ELU(), pb.nn.ELU(0.5))
        ELU ELU(0.5)
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        number_in("()", 0, float("inf"), "ELU", "alpha", self.alpha)

    def function(self, x: Any) -> Any:
        """elu(x, alpha)."""
        return elementwise.elu(x, varying(float(self.alpha), "alpha", x))


@dataclass(frozen=True)
class SELU(Elementwise):
    """ELU scaled so that layers keep mean 0 and variance 1. See `pb.nn.selu`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.SELU().apply({}, {}, np.array([1.0]), training=True)[0].round(4)
        array([1.0507])
    """

    @property
    def suits(self) -> Weights:
        """LeCun's weights, for which the variance stays 1."""
        return "lecun-normal"

    def function(self, x: Any) -> Any:
        """selu(x)."""
        return elementwise.selu(x)


@dataclass(frozen=True)
class GELU(Rectifier):
    """x times the probability that a normal number is at most x, as a layer. See `pb.nn.gelu`.

    Args:
        approximate: "none" for the exact function, "tanh" for a cheaper one.

    Raises:
        UsageError: When `approximate` is another word.

    Example:
        >>> import numpy as np, pullback as pb
        >>> print(pb.nn.GELU(), pb.nn.GELU("tanh"))
        GELU GELU('tanh')
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        one_of(["none", "tanh"], "GELU", "approximate", self.approximate)

    def function(self, x: Any) -> Any:
        """gelu(x)."""
        return elementwise.gelu(x, self.approximate)


@dataclass(frozen=True)
class SiLU(Rectifier):
    """x * sigmoid(x) as a layer. See `pb.nn.silu`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.SiLU().apply({}, {}, np.array([0.0]), training=True)[0]
        array([0.])
    """

    def function(self, x: Any) -> Any:
        """silu(x)."""
        return elementwise.silu(x)


@dataclass(frozen=True)
class Softplus(Rectifier):
    """log(1 + exp(x)) as a layer. See `pb.nn.softplus`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Softplus().apply({}, {}, np.array([0.0]), training=True)[0].round(4)
        array([0.6931])
    """

    def function(self, x: Any) -> Any:
        """softplus(x)."""
        return elementwise.softplus(x)


@dataclass(frozen=True)
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x)), without overflow, as a layer. See `pb.nn.sigmoid`.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Sigmoid().apply({}, {}, np.array([0.0]), training=True)[0]
        array([0.5])
    """

    gives_probabilities: ClassVar[bool] = True

    def function(self, x: Any) -> Any:
        """sigmoid(x)."""
        return elementwise.sigmoid(x)


@dataclass(frozen=True)
class Tanh(Elementwise):
    """The hyperbolic tangent as a layer.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Tanh().apply({}, {}, np.array([0.0]), training=True)[0]
        array([0.])
    """

    def function(self, x: Any) -> Any:
        """tanh(x)."""
        return elementwise.tanh(x)


@dataclass(frozen=True)
class Softmax(Elementwise):
    """exp(z) / sum(exp(z)) over the units: rows of probabilities, as a network's output.

    Losses on logits (cross-entropy, relative entropy) apply it themselves: they refuse a network
    that ends with it, since what is applied twice learns slowly and is never sure.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.nn.Softmax().apply({}, {}, np.array([[0.0, 0.0]]), training=True)[0]
        array([[0.5, 0.5]])
    """

    gives_probabilities: ClassVar[bool] = True

    def function(self, x: Any) -> Any:
        """softmax(x) over the last axis."""
        return softmax(x)
