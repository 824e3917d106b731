"""Steps on the native engine beside the same steps on the reference engine."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pullback.engines.native import epoch, planning
from pullback.engines.native.epoch import NativeSteps
from pullback.engines.native.machine import load_plain
from pullback.engines.native.planning import Split
from pullback.engines.native.sharing import WHOLE as ALL
from pullback.trees import flatten

WHOLE = Split(1, 10**6, False)
PIECES = Split(3, 10**6, False)
TILES = Split(1, 4, True)
PIECES_OF_TILES = Split(3, 4, True)
SPLITS = {"whole": WHOLE, "pieces": PIECES, "tiles": TILES, "pieces of tiles": PIECES_OF_TILES}


def plain(source, entry, arguments):
    """The emitted module as it stands, as the engine takes what is loaded."""
    return load_plain(source)[entry]


@dataclass
class Trajectory:
    """What steps told, and where they led.

    Attributes:
        told: float64 (steps, columns), the loss in the first column.
        variables: Params, state and rule state, flat.
    """

    told: Any
    variables: list[Any]


def work_of(prepared, epochs=1):
    """For each step of some epochs: its epoch, its slice, the rule's numbers."""
    plan, rule = prepared.plan, prepared.problem.optimizer
    steps = []
    for number in range(1, epochs + 1):
        order = plan.order(number)
        for chosen in plan.slices:
            rows = chosen if order is None else order[chosen]
            # Training leaves out a step whose rows weigh nothing.
            if plan.rows.weights is None or plan.rows.chosen(rows).weight:
                numbers = rule.numbers(len(steps) + 1, plan.learning_rate)
                steps.append((order, chosen, numbers))
    return steps


def on_reference(prepared, epochs=1, told=None):
    """The trajectory of the reference engine; `told` is a `NativeSteps.told`."""
    training = prepared.training()
    variables, rows = training.variables, []
    with np.errstate(all="ignore"):
        for update, (order, chosen, numbers) in enumerate(work_of(prepared, epochs)):
            batch = prepared.plan.rows.chosen(chosen if order is None else order[chosen])
            result = training._stepper(batch, variables, update, numbers)
            rows.append([entry for path, _ in told for entry in np.ravel(_at(result, path))])
            variables = variables.after(result)
    return Trajectory(np.array(rows, float), [np.array(v) for v in _flat(variables)])


def _at(result, path):
    for name in path:
        result = result[name]
    return np.asarray(result, float)


def _flat(variables):
    return [*variables.flat, *flatten(variables.rule_state)[0]]


def native_steps(prepared, split, load=plain, threads=1):
    """`NativeSteps` for a prepared run, cut in a given way; the engine's own for None."""
    start = prepared.training().variables
    chosen, worth = epoch.split_of, planning.WORTH_WAITING
    try:
        if split is not None:
            tile = min(split.tile, prepared.plan.step_rows)
            epoch.split_of = lambda *sizes: replace(split, tile=tile)
            planning.WORTH_WAITING = 0
        return NativeSteps(
            prepared.step,
            prepared.plan.rows.flat,
            _flat(start),
            prepared.given["seed"],
            sorted({part.stop - part.start for part in prepared.plan.slices}),
            threads,
            load,
        )
    finally:
        epoch.split_of, planning.WORTH_WAITING = chosen, worth


def on_native(prepared, steps, epochs=1, poison=False, shares=None):
    """The trajectory of a `NativeSteps`.

    Args:
        prepared: The run.
        steps: Its steps, at their beginning.
        epochs: How often each row is visited.
        poison: Whether all memory that no step may read from the one before holds NaN before
            each step, which then is a call of its own.
        shares: Draws how much of each phase each thread does in a call; nothing at times.
    """
    work, told = work_of(prepared, epochs), []
    with np.errstate(all="ignore"):
        for first, count in _calls(work, poison):
            some = work[first : first + count]
            if poison:
                poisoned(steps)
            if shares is not None:
                cuts = steps._sharing.cuts
                drawn = shares.choice([0, ALL, *shares.integers(ALL, size=4)], cuts.shape)
                cuts[..., 1:-1] = np.sort(drawn)[..., 1:-1]
            done, tells = steps.run(
                np.array([chosen.start for _, chosen, _ in some]),
                np.array([chosen.stop - chosen.start for _, chosen, _ in some]),
                some[0][0],
                first,
                np.array([list(numbers.values()) for *_, numbers in some]).reshape(count, -1),
            )
            assert done == count
            told.append(tells)
    return Trajectory(np.concatenate(told), [np.array(view) for view in steps.variables()])


def _calls(work, each):
    """First step and number of steps of each call: an epoch, or a step."""
    first = 0
    while first < len(work):
        count = 1
        while not each and first + count < len(work) and work[first + count][0] is work[first][0]:
            count += 1
        yield first, count
        first += count


def poisoned(steps):
    """Fill what is not kept from step to step with bytes that are NaN, -1 and True."""
    lost = np.ones(len(steps._memory), bool)
    held_at = zip(steps._emitted.held, steps._places[0], strict=True)
    whole = [(held, begin) for held, begin in held_at if not held.blocked]
    # Blocks of gradients come last; none is kept.
    for (held, begin), life in zip(whole, steps.plan.lifetimes, strict=False):
        if held.last is None:
            lost[begin : begin + life.entries] = False
    steps._memory[lost] = 255


def difference(one, other):
    """The largest relative difference of what was told, and of the variables.

    Variables count relative to the largest entry of their array, and to 1 where that is below.
    """
    told = np.abs(one.told - other.told) / np.maximum(np.abs(other.told), 1e-3)
    changes = [
        np.max(np.abs(a.astype(float) - b)) / max(float(np.max(np.abs(b))), 1.0)
        for a, b in zip(one.variables, other.variables, strict=True)
    ]
    return float(np.max(told)), float(np.max(changes))
