"""Schedules against PyTorch's, frozen by freeze.py, and against their formulas."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from pullback import optim
from pullback.errors import UsageError
from pullback.optim import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    OneCycle,
    Step,
    Warmup,
    factor_at,
    schedule_over,
)

FROZEN = json.loads(Path(__file__).with_name("frozen.json").read_text(encoding="utf-8"))

AS_PYTORCH = {
    "step": Step(every=4, factor=0.3),
    "exponential": Exponential(0.9, per=1),
    "cosine": Cosine(15),
    "restarts": Cosine(3, growth=2, floor=0.1),
    "warmup": Warmup(5, then=Cosine(10)),
    "one-cycle": OneCycle(15),
    "one-cycle-settings": OneCycle(15, rise=0.45, start=0.1, end=0.001),
}


@pytest.mark.parametrize("name", AS_PYTORCH)
def test_factors_of_pytorch(name):
    found = [factor_at(AS_PYTORCH[name], step) for step in range(15)]
    assert found == pytest.approx(FROZEN["schedules"][name], rel=1e-12, abs=1e-15)


def test_every_frozen_schedule_is_compared():
    assert set(FROZEN["schedules"]) == set(AS_PYTORCH)


def test_inverse_time():
    schedule = InverseTime(3.0, per=10)
    assert [schedule(step) for step in (0, 10, 20)] == [1.0, 0.25, 1 / 7]


def test_periods_may_grow_by_half():
    schedule = Cosine(4, growth=1.5)
    begins = [step for step in range(40) if schedule(step) == 1.0]
    assert begins == [0, 4, 10, 19]  # then after 13.5 steps, which no step meets


def test_a_period_begins_anew_far_from_the_start():
    assert Cosine(7)(7 * 10**9) == 1.0
    assert Cosine(7)(7 * 10**9 + 6) == Cosine(7)(6)


def test_one_cycle_stays_at_its_end():
    schedule = OneCycle(10, end=0.125)
    assert [schedule(step) for step in (9, 10, 1000)] == pytest.approx([0.125] * 3)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (OneCycle(4, rise=0.0, start=0.5, end=0.0), [1.0, 0.75, 0.25, 0.0]),
        (OneCycle(3, rise=1.0, start=0.0, end=0.5), [0.0, 0.5, 1.0]),
        (OneCycle(1), [1.0]),
        (Warmup(1), [1.0, 1.0]),
        (Warmup(2, then=math.sqrt), [0.5, 1.0, 0.0, 1.0]),
        (Step(every=1, factor=0.0), [1.0, 0.0, 0.0]),
        (Cosine(2, floor=1.0), [1.0, 1.0, 1.0]),
    ],
    ids=str,
)
def test_at_the_edges(schedule, expected):
    found = [factor_at(schedule, step) for step in range(len(expected))]
    assert found == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("schedule", "filled"),
    [
        (Constant(), Constant()),
        (Step(), Step(every=34)),
        (Step(every=7), Step(every=7)),
        (Exponential(), Exponential(per=100)),
        (Exponential(per=3), Exponential(per=3)),
        (InverseTime(), InverseTime(per=100)),
        (InverseTime(per=3), InverseTime(per=3)),
        (Cosine(), Cosine(100)),
        (Cosine(30), Cosine(30)),
        (OneCycle(), OneCycle(100)),
        (OneCycle(30), OneCycle(30)),
        (Warmup(), Warmup(10)),
        (Warmup(then=Cosine()), Warmup(10, then=Cosine(90))),
        (Warmup(25, then=Cosine()), Warmup(25, then=Cosine(75))),
        (Warmup(200, then=Cosine()), Warmup(200, then=Cosine(1))),
        (Warmup(5, then=Warmup(5, then=OneCycle())), Warmup(5, then=Warmup(5, then=OneCycle(90)))),
        (None, Constant()),
    ],
    ids=str,
)
def test_lengths_of_a_run_of_100_steps(schedule, filled):
    assert schedule_over(schedule, 100) == filled


def test_lengths_of_a_run_are_rounded_up():
    assert Warmup().over(110) == Warmup(11)
    assert Warmup().over(111) == Warmup(12)
    assert [Step().over(total).every for total in (6, 7, 8, 9)] == [2, 3, 3, 3]


def test_a_function_is_used_as_it_is():
    assert schedule_over(math.exp, 100) is math.exp
    assert schedule_over(Warmup(10, then=math.exp), 100).then is math.exp


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 97])
def test_every_default_serves_runs_of_any_length(name, total):
    schedule = schedule_over(SCHEDULES[name](), total)
    factors = [factor_at(schedule, step) for step in range(total + 3)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[0] > 0
    assert max(factors) == pytest.approx(1, abs=0.01)
    assert {type(factor) for factor in factors} == {float}


def test_names_of_the_command_line():
    assert list(SCHEDULES) == [
        *("constant", "step", "exponential", "inverse-time", "cosine", "warmup", "one-cycle")
    ]


def test_the_defaults():
    assert {name: dict(vars(make())) for name, make in SCHEDULES.items()} == {
        "constant": {},
        "step": {"every": None, "factor": 0.1},
        "exponential": {"factor": 0.1, "per": None},
        "inverse-time": {"decay": 9.0, "per": None},
        "cosine": {"period": None, "growth": 1.0, "floor": 0.0},
        "warmup": {"steps": None, "then": Constant()},
        "one-cycle": {"steps": None, "rise": 0.3, "start": 0.04, "end": 4e-6},
    }


def test_what_falls_over_a_run_ends_at_a_tenth():
    for schedule in (Exponential(), InverseTime()):
        assert schedule.over(50)(50) == pytest.approx(0.1)


@pytest.mark.parametrize("schedule", [Step(), Exponential(), InverseTime(), Cosine(), OneCycle()])
def test_an_unknown_length_is_told(schedule):
    name = next(name for name in schedule.ranges if getattr(schedule, name) is None)
    with pytest.raises(UsageError) as caught:
        schedule(0)
    assert str(caught.value) == (
        f"{type(schedule).__name__}({name}=None) follows the length of the run; "
        "give it, or call .over(total_steps) first."
    )


@pytest.mark.parametrize("factor", [-0.1, math.nan, math.inf, None, "1", True, np.ones(2)])
def test_factors_that_are_not_allowed(factor):
    def mine(step):
        return factor

    with pytest.raises(UsageError) as caught:
        factor_at(mine, 7)
    text = str(caught.value)
    what = f"The schedule mine gave {factor!r} at step 7"
    assert text == f"{what}: it must be a finite number of at least 0."
    with pytest.raises(UsageError, match=r"^The schedule mine gave .* at step 7:"):
        factor_at(Warmup(3, then=mine), 10)


@pytest.mark.parametrize("schedule", [Step(1, factor=10.0), Exponential(10.0, per=1)], ids=str)
def test_a_factor_too_large_is_told(schedule):
    with pytest.raises(UsageError) as caught:
        factor_at(schedule, 400)
    assert str(caught.value).startswith(f"The schedule {schedule} gave inf at step 400: it must be")


@pytest.mark.parametrize("factor", [0, 1, 0.5, np.float32(0.5), np.int64(2), np.array(0.5)])
def test_factors_that_are_allowed(factor):
    found = factor_at(lambda step: factor, 0)
    assert found == factor
    assert type(found) is float


@pytest.mark.parametrize("schedule", [0.1, "cosine", Cosine, [1.0]])
def test_what_is_no_schedule(schedule):
    with pytest.raises(UsageError, match=r"^schedule=.*: it must be a schedule such as"):
        schedule_over(schedule, 10)
    with pytest.raises(UsageError, match=r"^Warmup: then=.*: it must be a schedule such as"):
        Warmup(then=schedule)


@pytest.mark.parametrize("total", [0, -1, 1.5, None, True])
def test_a_run_has_steps(total):
    with pytest.raises(UsageError, match=r"^total_steps=.*: it must be a whole number"):
        schedule_over(Cosine(), total)


@pytest.mark.parametrize(
    ("make", "setting", "value"),
    [
        (Step, "every", 0),
        (Step, "every", 1.5),
        (Step, "factor", -1),
        (Exponential, "factor", 0),
        (Exponential, "per", 0),
        (InverseTime, "decay", -1),
        (InverseTime, "per", True),
        (Cosine, "period", 0),
        (Cosine, "growth", 0.5),
        (Cosine, "floor", 1.5),
        (Cosine, "floor", math.nan),
        (Warmup, "steps", 0),
        (OneCycle, "steps", 0),
        (OneCycle, "rise", 1.1),
        (OneCycle, "start", -1),
        (OneCycle, "end", math.inf),
    ],
)
def test_settings_out_of_range(make, setting, value):
    with pytest.raises(UsageError) as caught:
        make(**{setting: value})
    assert str(caught.value).startswith(f"{make.__name__}({setting}={value!r}): it must be ")


def test_printed_as_one_would_write_it():
    for schedule in (*AS_PYTORCH.values(), *(make() for make in SCHEDULES.values())):
        assert eval(repr(schedule), vars(optim)) == schedule
    assert str(Warmup(100, then=Cosine())) == "Warmup(steps=100, then=Cosine())"
