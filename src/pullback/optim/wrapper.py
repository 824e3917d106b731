"""Base of the rules that change what another rule sees or keep something beside it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError
from .protocol import Arrays, Numbers, Optimizer, State, final_params
from .settings import Checked


@dataclass(frozen=True, repr=False)
class Wrapper(Checked):
    """A rule around another rule: it hands on whatever a subclass does not change.

    Subclasses add their own numbers, whose names no rule inside may use, so a kind of wrapper
    goes around a rule once.
    """

    rule: Optimizer

    def __post_init__(self) -> None:
        super().__post_init__()
        what = f"{type(self).__name__}({self.rule!r})"
        needed = ("init", "numbers", "update", "learning_rate")
        if isinstance(self.rule, type) or not all(hasattr(self.rule, name) for name in needed):
            raise UsageError(f"{what}: it must wrap an update rule such as pb.optim.Adam(0.001).")
        own, inner = self.own_numbers(1, 1.0), self.rule.numbers(1, 1.0)
        taken = [name for name in own if name in inner]
        if taken:
            raise UsageError(f"{what}: the rule inside sets the number {taken[0]!r} already.")

    @property
    def learning_rate(self) -> float | None:
        """That of the rule inside."""
        return self.rule.learning_rate

    def default_learning_rate(
        self, rates: tuple[float, float], batch_size: int, reduction: str
    ) -> float:
        """That of the rule inside."""
        rate: float = self.rule.default_learning_rate(  # type: ignore[attr-defined]
            rates, batch_size, reduction
        )
        return rate

    def describe_default_rate(self, rates: tuple[float, float], reduction: str) -> str:
        """That of the rule inside."""
        text: str = self.rule.describe_default_rate(rates, reduction)  # type: ignore[attr-defined]
        return text

    def own_numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """The numbers that the wrapper adds."""
        raise NotImplementedError

    def init(self, params: Arrays) -> State:
        """The state of the rule inside."""
        return self.rule.init(params)

    def numbers(self, step: int, learning_rate: float) -> dict[str, float]:
        """Those of the rule inside and the wrapper's own."""
        return self.rule.numbers(step, learning_rate) | self.own_numbers(step, learning_rate)

    def update(
        self, gradients: Arrays, state: State, params: Arrays, numbers: Numbers
    ) -> tuple[Arrays, State]:
        """One step of the rule inside."""
        return self.rule.update(gradients, state, params, numbers)

    def final(self, params: Arrays, state: State) -> Arrays:
        """What the rule inside says; see `final_params`."""
        return final_params(self.rule, params, state)
