"""L-BFGS: a solver, not an update rule; it wants the whole gradient and chooses its own steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import MissingExtraError, TrainingError, UsageError
from .protocol import Arrays
from .settings import AT_LEAST_0, COUNT, Checked, Range

STEPS_OF_A_LINE_SEARCH = 20
"""SciPy's own default."""
ValueAndGradient = Callable[[Arrays], tuple[Any, Arrays]]
OnIteration = Callable[[int, float, Arrays], Any]


@dataclass(frozen=True)
class LBFGSReport:
    """How a run of `LBFGS` ended.

    Attributes:
        loss: The loss at the parameters returned.
        iterations: Accepted steps.
        evaluations: How often loss and gradient were computed.
        largest_gradient: The largest absolute entry of the gradient there.
        converged: Whether the gradient is within the tolerance, or the loss no longer changes.
        reason: Why it stopped, in words.

    Example:
        >>> from pullback.optim import LBFGSReport
        >>> str(LBFGSReport(0.5, 7, 9, 0.01, False, "on_iteration asked to stop"))
        'L-BFGS ended after 7 iterations: on_iteration asked to stop'
    """

    loss: float
    iterations: int
    evaluations: int
    largest_gradient: float
    converged: bool
    reason: str

    def __str__(self) -> str:
        return f"L-BFGS ended after {self.iterations} iterations: {self.reason}"


@dataclass(frozen=True, repr=False)
class LBFGS(Checked):
    """Steps along -H g, where H is the inverse Hessian guessed from the last few steps.

    Each step's length comes from a line search (Wolfe's conditions), so there is no learning
    rate; every evaluation needs loss and gradient of all data, without random draws. It is for
    small problems. SciPy's L-BFGS-B does the work, in float64.

    Args:
        iterations: The most steps, a whole number of at least 1.
        memory: How many steps H is guessed from, a whole number of at least 1.
        tolerance: It stops when no entry of the gradient is larger; a finite number of at least
            0. It also stops when a step changes the loss by no more than float64's rounding.

    Raises:
        UsageError: When a setting is out of range.

    Example:
        >>> import numpy as np, pullback as pb
        >>> loss = lambda w: np.sum((w - 3.0) ** 2)
        >>> def value_and_gradient(params):
        ...     value, gradient = pb.value_and_grad(loss)(params["w"])
        ...     return value, {"w": gradient}
        >>> params, report = pb.optim.LBFGS().minimize(value_and_gradient, {"w": np.zeros(2)})
        >>> params, report.converged
        ({'w': array([3., 3.])}, True)

    Source: Liu and Nocedal, On the limited memory BFGS method for large scale optimization
    (1989); Byrd, Lu, Nocedal and Zhu, A limited memory algorithm for bound constrained
    optimization (1995).
    """

    iterations: int = 200
    memory: int = 10
    tolerance: float = 1e-5
    ranges: ClassVar[dict[str, Range]] = {
        "iterations": COUNT,
        "memory": COUNT,
        "tolerance": AT_LEAST_0,
    }

    def minimize(
        self,
        value_and_gradient: ValueAndGradient,
        params: Arrays,
        on_iteration: OnIteration | None = None,
    ) -> tuple[Arrays, LBFGSReport]:
        """The parameters of the smallest loss found, and how the search went.

        Args:
            value_and_gradient: params -> (loss, gradient), a number and a dict with the names
                and shapes of params; a pure function. It is called with params' own dtypes;
                with float32 the search ends earlier, where rounding hides what is left to gain.
            params: Where to begin; floating arrays by name, which are not written to.
            on_iteration: Called as on_iteration(iteration, loss, params) after each accepted
                step, from 1; when it returns True, the search ends with these params.

        Returns:
            New arrays with the names, shapes and dtypes of params, and an `LBFGSReport`.

        Raises:
            MissingExtraError: When SciPy is not installed.
            TrainingError: When loss or gradient are not finite at the beginning.
            UsageError: When the gradient's names or shapes are not those of params.
        """
        minimize = _scipy_minimize()
        search = _Search(value_and_gradient, params, on_iteration)
        result = minimize(
            search.evaluate,
            search.point,
            jac=True,
            method="L-BFGS-B",
            callback=search.accept,
            options={
                "maxiter": self.iterations,
                "maxcor": self.memory,
                "gtol": self.tolerance,
                "ftol": float(np.finfo(np.float64).eps),
                "maxls": STEPS_OF_A_LINE_SEARCH,
                # Never the reason to stop: an iteration has one line search, at most two.
                "maxfun": 2 * (STEPS_OF_A_LINE_SEARCH + 1) * (self.iterations + 1),
            },
        )
        return search.params(), _report(search, self, bool(result.success))


class _Search:
    """The last accepted point of a search, and what SciPy asks about others."""

    def __init__(
        self, value_and_gradient: ValueAndGradient, params: Arrays, on_iteration: OnIteration | None
    ) -> None:
        self._value_and_gradient, self._on_iteration = value_and_gradient, on_iteration
        self._like = {name: np.asarray(value) for name, value in params.items()}
        if not self._like or any(array.dtype.kind != "f" for array in self._like.values()):
            raise UsageError("L-BFGS minimizes over floating arrays by name, at least one.")
        self.iterations = self.evaluations = 0
        self.stopped = False
        self.point = self._flat(self._like)
        self.loss, self.gradient = self._measured(self.point)
        if not _is_finite(self.loss, self.gradient):
            raise TrainingError(
                "L-BFGS cannot begin: the loss or its gradient is not finite, "
                f"the loss is {self.loss}; "
                "scale the data, or begin elsewhere."
            )

    def evaluate(self, point: Any) -> tuple[float, Any]:
        """Loss and gradient at a point, in float64.

        SciPy's line search ends at the first loss that is not finite. A step too far is all that
        it means, so such a point is given the loss of a bowl around the accepted point, from
        which the search draws back; no point of the bowl is low enough to be accepted.
        """
        loss, gradient = self._measured(point)
        if _is_finite(loss, gradient):
            return loss, gradient
        step = point - self.point
        rise = abs(float(self.gradient @ step))
        return self.loss + rise, 2 * rise * step / float(step @ step)

    def _measured(self, point: Any) -> tuple[float, Any]:
        loss, gradient = self._value_and_gradient(self._params_at(point))
        for name, like in self._like.items():
            if name not in gradient or np.shape(gradient[name]) != like.shape:
                raise UsageError(
                    f"The gradient must have {name!r} of shape {like.shape}, as params has."
                )
        self.evaluations += 1
        self._last = point.copy(), float(loss), self._flat(gradient)
        return self._last[1:]

    def accept(self, intermediate_result: Any) -> None:
        """SciPy's callback, which knows it by the name of its argument."""
        point = intermediate_result.x
        if not np.array_equal(point, self._last[0]):
            self._measured(point)
        self.point, self.loss, self.gradient = self._last
        self.iterations += 1
        if self._on_iteration is not None:
            self.stopped = self._on_iteration(self.iterations, self.loss, self.params()) is True
            if self.stopped:
                raise StopIteration

    def params(self) -> Arrays:
        """The parameters at the last accepted point."""
        return self._params_at(self.point)

    def _params_at(self, point: Any) -> Arrays:
        params, start = {}, 0
        for name, like in self._like.items():
            end = start + like.size
            params[name] = point[start:end].reshape(like.shape).astype(like.dtype)
            start = end
        return params

    def _flat(self, arrays: Arrays) -> Any:
        parts = [np.ravel(np.asarray(arrays[name], np.float64)) for name in self._like]
        return np.concatenate(parts)


def _is_finite(loss: float, gradient: Any) -> bool:
    return math.isfinite(loss) and bool(np.all(np.isfinite(gradient)))


def _report(search: _Search, solver: LBFGS, ended_well: bool) -> LBFGSReport:
    largest = float(np.max(np.abs(search.gradient), initial=0.0))
    if search.stopped:
        reason = "on_iteration asked to stop"
    elif largest <= solver.tolerance:
        reason = f"no entry of the gradient is above {solver.tolerance:g}"
    elif ended_well:
        reason = "the loss no longer changes"
    elif search.iterations >= solver.iterations:
        reason = f"the limit of {solver.iterations} iterations"
    else:
        reason = "the line search found no lower loss"
    return LBFGSReport(
        loss=search.loss,
        iterations=search.iterations,
        evaluations=search.evaluations,
        largest_gradient=largest,
        converged=ended_well,
        reason=reason,
    )


def _scipy_minimize() -> Any:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise MissingExtraError("LBFGS needs SciPy: pip install 'pullback[solvers]'.") from error
    return minimize
