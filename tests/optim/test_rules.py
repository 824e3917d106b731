"""What every rule keeps to: purity, dtypes, one trace for all steps, settings in range."""

import copy
import decimal
import math

import descent_problem as problem
import numpy as np
import pytest

import pullback as pb
from pullback import optim
from pullback.errors import UsageError
from pullback.optim import OPTIMIZERS

RULES = [
    *(make() for make in OPTIMIZERS.values()),
    optim.RMSProp(momentum=0.5, centered=True),
    optim.Lion(weight_decay=0.1),
    optim.Decayed(optim.Momentum(), 0.1),
    optim.ClippedByValue(optim.AdaDelta(), 0.1),
    optim.ClippedByNorm(optim.Adam(), 0.1),
    optim.Averaged(optim.AMSGrad(), 0.9),
    optim.Averaged(optim.ClippedByNorm(optim.ClippedByValue(optim.AdamW(), 1.0), 0.5)),
]
ADAM = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
every_rule = pytest.mark.parametrize("rule", RULES, ids=str)


def rate_of(rule):
    return rule.learning_rate or 0.1


@every_rule
def test_float32_stays_float32(rule):
    _, params, state = problem.trajectory(rule, rate_of(rule), "f4")
    arrays = [*params.values(), *(a for part in state.values() for a in part.values())]
    assert {a.dtype for a in arrays} == {np.dtype("f4")}
    _, exact, _ = problem.trajectory(rule, rate_of(rule), "f8")
    for name, w in params.items():
        assert np.allclose(w, exact[name], rtol=1e-3, atol=1e-4)


@every_rule
def test_the_state_mirrors_the_parameters(rule):
    params = problem.start("f4")
    _, moved, later = problem.trajectory(rule, rate_of(rule), "f4")
    for state in (rule.init(params), later):
        for part in state.values():
            assert list(part) == list(params)
            for name, array in part.items():
                assert (array.shape, array.dtype) == (params[name].shape, np.dtype("f4"))
                assert not np.shares_memory(array, params[name])
    assert rule.init(params).keys() == later.keys()
    assert moved.keys() == params.keys()


@every_rule
def test_nothing_is_written_to(rule):
    params, state = problem.start(), rule.init(problem.start())
    for step in (1, 2):
        gradients = {name: problem.gradient(name, w, step) for name, w in params.items()}
        given = (gradients, state, params, rule.numbers(step, 0.1))
        before = copy.deepcopy(given)
        for tree in (gradients, params, *state.values()):
            for array in tree.values():
                array.setflags(write=False)
        params, state = rule.update(*given)
        for old, new in zip(flat(before), flat(given), strict=True):
            assert np.array_equal(old, new)


def flat(tree):
    if not isinstance(tree, dict | tuple):
        return [tree]
    items = tree.values() if isinstance(tree, dict) else tree
    return [leaf for item in items for leaf in flat(item)]


@every_rule
def test_one_trace_serves_all_steps(rule):
    spec = {"W1": "f4 D H", "W2": "f4 H C"}
    params, state = problem.start("f4"), rule.init(problem.start("f4"))

    def update(gradients, state, params, numbers):
        return rule.update(gradients, state, params, numbers)

    program = pb.trace(
        update,
        gradients=spec,
        state=dict.fromkeys(state, spec),
        params=spec,
        numbers=dict.fromkeys(rule.numbers(1, 0.1), "float"),
    )
    compiled = pb.compile(program)
    for step in range(1, 6):
        gradients = {
            name: problem.gradient(name, w, step, lambda v: np.array(v, "f4"))
            for name, w in params.items()
        }
        numbers = rule.numbers(step, problem.learning_rate(rate_of(rule), step))
        expected = rule.update(gradients, state, params, numbers)
        found = compiled(gradients, state, params, numbers)
        for a, b in zip(flat(expected), flat(found), strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        params, state = expected


@every_rule
def test_numbers_are_python_floats_of_the_same_names(rule):
    first = rule.numbers(1, 0.25)
    for step in (1, 2, 1000, 10**7):
        numbers = rule.numbers(step, np.float32(0.25))
        assert list(numbers) == list(first)
        assert {type(value) for value in numbers.values()} == {float}
        assert all(math.isfinite(value) for value in numbers.values())


@every_rule
def test_no_step_at_a_rate_of_0(rule):
    params = problem.start()
    gradients = {name: problem.gradient(name, w, 1) for name, w in params.items()}
    moved, _ = rule.update(gradients, rule.init(params), params, rule.numbers(1, 0.0))
    for name, w in params.items():
        assert np.array_equal(moved[name], w)


@every_rule
def test_a_gradient_of_0_is_no_division_by_0(rule):
    params = {"b": np.array([1.0, -2.0])}
    state, gradients = rule.init(params), {"b": np.zeros(2)}
    for step in (1, 2, 3):
        moved, state = rule.update(gradients, state, params, rule.numbers(step, 0.5))
        assert np.array_equal(moved["b"], params["b"])


@every_rule
def test_printed_as_one_would_write_it(rule):
    assert eval(repr(rule), vars(optim)) == rule


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (optim.SGD(), "SGD()"),
        (optim.SGD(np.float32(0.5)), "SGD(learning_rate=0.5)"),
        (optim.Adam(), "Adam(learning_rate=0.001)"),
        (optim.Adam(0.1, beta2=0.9), "Adam(learning_rate=0.1, beta2=0.9)"),
        (optim.ClippedByNorm(optim.Nesterov(), 1), "ClippedByNorm(Nesterov(), 1.0)"),
        (optim.Averaged(optim.Lion(), 0.9), "Averaged(Lion(learning_rate=0.0001), decay=0.9)"),
    ],
)
def test_text(rule, text):
    assert str(rule) == text


NOT_ABOVE_0 = [0, -1.0, math.nan, math.inf, True, "0.1", None, [0.1], np.array([0.1])]
NOT_BELOW_1 = [-0.1, 1, 1.5, math.nan, True, None, "0.9"]
NOT_AT_LEAST_0 = [-1e-9, math.nan, math.inf, False, None]


def out_of_range():
    for name, make in OPTIMIZERS.items():
        for setting in make.ranges:
            if setting == "learning_rate" and name in ("sgd", "momentum", "nesterov"):
                values, text = [v for v in NOT_ABOVE_0 if v is not None], "above 0, or None"
            elif setting in ("learning_rate", "epsilon"):
                values, text = NOT_ABOVE_0, "a finite number above 0"
            elif setting == "weight_decay":
                values, text = NOT_AT_LEAST_0, "a finite number of at least 0"
            else:
                values, text = NOT_BELOW_1, "in [0, 1)"
            yield from ((make, setting, value, text) for value in values)


@pytest.mark.parametrize(("make", "setting", "value", "text"), list(out_of_range()))
def test_settings_out_of_range(make, setting, value, text):
    with pytest.raises(UsageError) as caught:
        make(**{setting: value})
    start = f"{make.__name__}({setting}={value!r}): it must be "
    assert str(caught.value).startswith(start)
    assert str(caught.value).endswith(f"{text}.")


def test_centered_is_yes_or_no():
    with pytest.raises(UsageError, match=r"^RMSProp\(centered=1\): it must be True or False\.$"):
        optim.RMSProp(centered=1)


def test_every_setting_has_a_range():
    for make in OPTIMIZERS.values():
        settings = set(vars(make()))
        assert settings - set(make.ranges) <= {"centered"}


def test_the_names_of_the_command_line():
    assert list(OPTIMIZERS) == [
        *("sgd", "momentum", "nesterov", "adagrad", "rmsprop"),
        *("adadelta", "adam", "amsgrad", "adamw", "lion"),
    ]


def test_corrections_are_computed_in_float64():
    numbers = optim.Adam(beta1=0.5, beta2=0.999999).numbers(2, 0.3)
    assert numbers["step_size"] == 0.3 / 0.75
    assert numbers["root_correction"] == pytest.approx(1 / math.sqrt(1.999999e-6), rel=1e-9)


@pytest.mark.parametrize("step", [1, 2, 10**5, 10**6, 10**7])
def test_factors_of_late_steps(step):
    def reached(beta):
        """1 - beta^step of the very double, to 60 digits."""
        with decimal.localcontext(prec=60):
            return float(1 - decimal.Decimal(beta) ** step)

    # 1 - beta^step has the rounding error of beta^step, 1e-16, against at least 2e-7 at step 2.
    # In float32 beta2 would be 1, and the corrections would be 0.
    near = {"rel": 1e-9}
    rule = optim.Averaged(optim.Adam(beta1=0.9999, beta2=0.9999999), 0.99999)
    numbers = rule.numbers(step, np.float32(0.25))
    assert numbers["step_size"] == pytest.approx(0.25 / reached(0.9999), **near)
    assert numbers["root_correction"] == pytest.approx(1 / math.sqrt(reached(0.9999999)), **near)
    assert numbers["average_share"] == pytest.approx((1 - 0.99999) / reached(0.99999), **near)


@every_rule
def test_a_late_step_in_float32_is_that_of_float64(rule):
    found = []
    for dtype in ("f4", "f8"):
        params = problem.start(dtype)
        gradients = {
            name: problem.gradient(name, w, 1, lambda v, dtype=dtype: np.array(v, dtype))
            for name, w in params.items()
        }
        numbers = rule.numbers(10**6, rate_of(rule))
        moved, _ = rule.update(gradients, rule.init(params), params, numbers)
        found.append({name: moved[name] - w for name, w in params.items()})
    for name, change in found[1].items():
        # A few roundings of 6e-8 in numbers of at most 6, the parameters themselves up to 2.
        assert np.allclose(found[0][name], change, rtol=2e-6, atol=5e-7)


def test_centered_rmsprop_stays_finite_where_rounding_makes_the_variance_negative():
    rule, params = optim.RMSProp(decay=0.5, centered=True), {"w": np.full(1000, 1.0, "f4")}
    gradients = {"w": np.linspace(0.1, 1, 1000, dtype="f4")}
    state, below = rule.init(params), False
    for step in range(1, 60):
        params, state = rule.update(gradients, state, params, rule.numbers(step, 1e-9))
        below |= bool(np.any(state["s"]["w"] - state["m"]["w"] ** 2 < 0))
        assert np.all(np.isfinite(params["w"]))
    assert below  # else this shows nothing


def test_the_defaults_are_those_of_pytorch_and_of_the_papers():
    assert {name: dict(vars(make())) for name, make in OPTIMIZERS.items()} == {
        "sgd": {"learning_rate": None},
        "momentum": {"learning_rate": None, "momentum": 0.9},
        "nesterov": {"learning_rate": None, "momentum": 0.9},
        "adagrad": {"learning_rate": 0.01, "epsilon": 1e-10},
        "rmsprop": {
            **{"learning_rate": 0.01, "decay": 0.99, "epsilon": 1e-8},
            **{"momentum": 0.0, "centered": False},
        },
        "adadelta": {"learning_rate": 1.0, "decay": 0.9, "epsilon": 1e-6},
        "adam": ADAM,
        "amsgrad": ADAM,
        "adamw": {**ADAM, "weight_decay": 0.01},
        "lion": {"learning_rate": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    }
