"""Parameters and state that a step carries on: in plain arrays, or in the buffers of an engine.

Whoever looks at variables gets arrays that are never written to. Those in buffers are copied when
they are first looked at, and before a step overwrites them while somebody still holds them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..engines.buffered import Buffered
from ..trees import flatten, unflatten

CARRIED = ("params", "state", "rule_state")


class Variables:
    """What training changes; never written to, each step makes new ones.

    Args:
        params: The parameters by name.
        state: The state of the layers by name.
        rule_state: The state of the update rule: nested dicts of arrays.
    """

    def __init__(
        self, params: Mapping[str, Any], state: Mapping[str, Any], rule_state: Any
    ) -> None:
        self._parts: tuple[Mapping[str, Any], Mapping[str, Any], Any] = params, state, rule_state

    @property
    def params(self) -> Mapping[str, Any]:
        """The parameters by name."""
        return self._parts[0]

    @property
    def state(self) -> Mapping[str, Any]:
        """The state of the layers by name."""
        return self._parts[1]

    @property
    def rule_state(self) -> Any:
        """The state of the update rule."""
        return self._parts[2]

    @property
    def flat(self) -> list[Any]:
        """Params and state as a program takes them."""
        return [*self.params.values(), *self.state.values()]

    @property
    def arrays(self) -> Iterator[Any]:
        """All numbers, in any arrays: not to be kept."""
        return _arrays(self._parts)

    def after(self, result: Mapping[str, Any]) -> Variables:
        """The variables that a step's result brings."""
        if "variables" in result:
            moved: Variables = result["variables"]
            return moved
        return Variables(
            result["params"],
            result.get("state", self.state),
            result.get("rule_state", self.rule_state),
        )


class InBuffers(Variables):
    """Variables whose arrays lie in buffers that the step after the next one overwrites.

    Args:
        views: The arrays, in the order of the parts.
        stretches: The memory they lie in, in few arrays.
        like: Makes variables of a list of arrays in that order.
    """

    def __init__(
        self,
        views: Sequence[Any],
        stretches: Sequence[Any],
        like: Callable[[list[Any]], Variables],
    ) -> None:
        self._views, self._stretches, self._like = views, stretches, like
        self._own: Variables | None = None

    @property
    def _parts(self) -> tuple[Mapping[str, Any], Mapping[str, Any], Any]:  # type: ignore[override]
        return self.own()._parts

    @property
    def arrays(self) -> Iterator[Any]:
        """All numbers, in any arrays: not to be kept."""
        return iter(self._stretches) if self._own is None else self._own.arrays

    def own(self) -> Variables:
        """The same in arrays of their own."""
        if self._own is None:
            self._own = self._like([np.array(view) for view in self._views])
        return self._own


class Carrier:
    """A step that writes into buffers, and the variables that lie there.

    Args:
        buffered: The step, which carries on what `CARRIED` names.
        variables: Variables of the same structure as those it will be given.
    """

    def __init__(self, buffered: Buffered, variables: Variables) -> None:
        self._buffered = buffered
        self._names = tuple(variables.params), tuple(variables.state)
        self._structure = flatten(variables.rule_state)[1]
        self._now: weakref.ref[Variables] | None = None
        """The variables of the present set, if anybody still holds them."""
        self._before: weakref.ref[Variables] | None = None
        """Those of the other set, which the next step overwrites."""

    def __call__(
        self, rows: Sequence[Any], variables: Variables, numbers: Any, draws: Mapping[str, int]
    ) -> dict[str, Any] | None:
        """A step's results; None where an array's rows have gaps, so that it cannot be done here.

        Args:
            rows: The rows of the step as the program takes them.
            variables: Where training stands.
            numbers: The update rule's numbers.
            draws: What random draws depend on.
        """
        buffered = self._buffered
        if not buffered.fits(rows):
            return None
        if self._now is None or self._now() is not variables:
            flat = [*variables.flat, *flatten(variables.rule_state)[0]]
            _rescue(self._now)
            if not buffered.load(flat):
                return None
            self._now = None
        _rescue(self._before)
        told: dict[str, Any] = buffered(*rows, *numbers, **draws)
        moved = InBuffers(buffered.present, buffered.stretches, self._variables)
        self._before, self._now = self._now, weakref.ref(moved)
        told["variables"] = moved
        return told

    def _variables(self, flat: list[Any]) -> Variables:
        params, state = self._names
        count = len(params) + len(state)
        return Variables(
            dict(zip(params, flat, strict=False)),
            dict(zip(state, flat[len(params) : count], strict=True)),
            unflatten(self._structure, flat[count:]),
        )


def _rescue(reference: weakref.ref[Variables] | None) -> None:
    """Copy variables that somebody still holds out of memory that will be overwritten."""
    held = None if reference is None else reference()
    if isinstance(held, InBuffers):
        held.own()


def _arrays(tree: Any) -> Iterator[Any]:
    """The leaves of nested containers, without their structure, which costs more than they do."""
    if isinstance(tree, Mapping):
        tree = tree.values()
    elif not isinstance(tree, list | tuple):
        yield tree
        return
    for part in tree:
        yield from _arrays(part)
