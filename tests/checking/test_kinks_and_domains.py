"""Where a function has no slope, or another one than rule by rule; and the options of a check."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import GradientError, UsageError
from pullback.primitive import REGISTRY


def error_of(function, *arrays, error=GradientError, **options):
    with pytest.raises(error) as caught:
        pb.check_gradients(function, *arrays, **options)
    return str(caught.value)


def textbook_cross_entropy(z, y):
    return np.sum(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def two_halves(x):
    return np.sum(pb.nn.relu(x) + np.minimum(x, 0))


# ------------------------------------------------------------------------- kinks that cancel


def test_the_textbook_cross_entropy_at_zero_logits():
    text = error_of(textbook_cross_entropy, np.zeros(3), np.ones(3))
    assert text.startswith("The function is smooth here but its derived gradient is not its slope")
    assert "z, entry [0]: analytic -0.125730221, numeric -0.0628651105 from both sides" in text
    assert "The kinks of maximum (3 entries, test_kinks_and_domains.py, line " in text
    assert "abs (3 entries" in text
    assert "np.logaddexp" in text


def test_away_from_zero_the_textbook_cross_entropy_is_right():
    z = np.array([1e-3, -2.0, 30])
    assert pb.check_gradients(textbook_cross_entropy, z, np.ones(3)).kinks == {}


@pytest.mark.parametrize("z", [0.0, -0.0, 1e-12, 1e4, -1e4])
def test_the_smooth_cross_entropy_is_right_everywhere(z):
    z = np.array([z, 0.0, 1.0])
    check = pb.check_gradients(lambda z, y: np.sum(np.logaddexp(z, 0) - z * y), z, np.ones(3))
    assert check.kinks == {}


def test_two_halves_of_the_identity():
    text = error_of(two_halves, np.array([1.0, 0, -1]))
    assert "x, entry [1]: analytic 0, numeric 0.1257" in text
    assert "maximum (1 entries" in text
    assert "minimum (1 entries" in text


def test_kinks_that_cancel_in_one_entry_of_many():
    x = np.random.default_rng(0).normal(size=(30, 40))
    x[7, 11] = 0
    assert "x, entry [7, 11]: analytic 0," in error_of(two_halves, x)


def test_conditions_that_are_combined_cancel_too():
    def identity(x):
        inside = np.logical_and(x >= 0, x <= 1)
        return np.sum(np.where(inside, x, x * 1.0) + 0 * np.abs(x) + np.where(x > 0, x, 2 * x))

    # The last term has a real kink at 0: there is nothing that cancels.
    pb.check_gradients(identity, np.array([0.0, 1, 2]))

    def smooth(x):
        outside = np.logical_not(np.logical_and(x > 0, x < 9))
        return np.sum(np.where(outside, 0 * x, 3 * x) + np.where(x > 0, 0 * x, 3 * x))

    pb.check_gradients(smooth, np.array([0.0, 1, -1]))

    def halves(x):
        right = np.logical_and(x > 0, x < 9)
        left = np.logical_or(x < 0, x > 9)
        return np.sum(np.where(right, 3 * x, 0 * x) + np.where(left, 3 * x, 0 * x))

    text = error_of(halves, np.array([0.0, 1, -1]))
    assert "x, entry [0]: analytic 0, numeric 0.377" in text
    assert "greater (1 entries" in text


def test_kinks_that_do_not_cancel_pass_beside_smooth_ones():
    pb.check_gradients(lambda x: np.sum(np.maximum(x, 0) + x**2), np.zeros(4))
    pb.check_gradients(lambda x: np.sum(np.maximum(x, 0) ** 2), np.zeros(4))
    pb.check_gradients(lambda x: np.linalg.norm(x) ** 2, np.zeros(4))


# ------------------------------------------------------------------- a rule's slope at a kink


@pytest.mark.parametrize("slope", [-0.5, 1.5, np.nan, np.inf])
def test_a_slope_at_a_kink_outside_the_one_sided_slopes(monkeypatch, slope):
    rule = REGISTRY["maximum"].rule

    def mutant(ct, out, x, y):
        in_x, in_y = rule(ct, out, x, y)
        return np.where(x == y, slope * ct, in_x), in_y

    monkeypatch.setitem(vars(REGISTRY["maximum"]), "_rules", [mutant])
    text = error_of(lambda x: np.maximum(x, 0), np.array([1.0, -1, 0]))
    assert f"The rule of maximum is to blame: it chooses the slope {slope:g} at a kink" in text
    assert "(entry [2]), outside its one-sided slopes 0 and 1." in text
    assert "at test_kinks_and_domains.py, line" in text


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_a_slope_at_a_kink_between_the_one_sided_slopes(monkeypatch, slope):
    def rule(ct, out, x, y):
        return ct * np.where(x == y, slope, x > y), None

    monkeypatch.setitem(vars(REGISTRY["maximum"]), "_rules", [rule])
    pb.check_gradients(lambda x: np.maximum(x, 0), np.array([1.0, -1, 0]))


@pytest.mark.parametrize("name", ["abs", "norm", "clip", "minimum", "max", "std"])
def test_wrong_slopes_at_the_kinks_of_every_family(monkeypatch, name):
    functions = {
        "abs": (np.abs, np.zeros(3)),
        "norm": (np.linalg.norm, np.zeros(3)),
        "clip": (lambda x: np.clip(x, 0, 1), np.array([0.0, 1])),
        "minimum": (lambda x: np.minimum(x, 0), np.zeros(3)),
        "max": (np.max, np.zeros(3)),
        "std": (np.std, np.ones(3)),
    }
    function, x = functions[name]
    pb.check_gradients(function, x)
    primitive = REGISTRY[name]
    rule = primitive.rule

    def mutant(ct, out, *inputs, **params):
        parts = rule(ct, out, *inputs, **params)
        return tuple(None if part is None else part + 3.0 for part in parts)

    monkeypatch.setitem(vars(primitive), "_rules", [mutant])
    assert f"The rule of {name} is to blame" in error_of(function, x)


# ------------------------------------------------------------------------------------ domains


@pytest.mark.parametrize("near", [1e-3, 1e-6, 1e-9, 1e-12, 1e-20])
@pytest.mark.parametrize(
    "function",
    [
        pytest.param(np.log, id="log"),
        pytest.param(np.sqrt, id="sqrt"),
        pytest.param(lambda z: z**0.3, id="power"),
        pytest.param(lambda z: 1 / z, id="reciprocal"),
        pytest.param(lambda z: z * np.log(z), id="entropy"),
    ],
)
def test_close_to_the_edge_of_a_domain(monkeypatch, function, near):
    z = np.array([near, 1.0, 3.0])
    pb.check_gradients(function, z)
    for name in ("log", "sqrt", "power", "reciprocal", "divide"):
        rule = REGISTRY[name].rule

        def mutant(ct, out, *inputs, _rule=rule):
            return tuple(None if p is None else 1.001 * p for p in _rule(ct, out, *inputs))

        monkeypatch.setitem(vars(REGISTRY[name]), "_rules", [mutant])
    assert "is to blame" in error_of(function, z)


@pytest.mark.parametrize("scale", [1e-100, 1e-20, 1e-6])
def test_small_points_of_functions_that_bend_there(scale):
    x = scale * np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]])
    pb.check_gradients(lambda x: np.linalg.norm(x, axis=1), x)


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e-3])
def test_wrong_rules_of_functions_that_bend_close_to_a_small_point(scale):
    x = scale * np.array([[0.3, -1.2, 2.0], [0.7, 0.1, -0.4]])

    @pb.custom_vjp(rule=lambda ct, out, x: ct * x)
    def length(x):
        return np.sqrt(np.sum(x**2))

    for entries in (0, 300):
        check = pb.check_gradients(length, x, entries=entries, raises=False)
        assert check.verdict == "wrong"


@pytest.mark.parametrize("scale", [1e-300, 1e-20, 1e-3])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_activations_that_are_curved_beside_their_kink(scale, dtype):
    x = np.array([-2.0, -0.3, 0.5, 2.0]) * max(scale, 1e-30 if dtype == "f4" else 0)
    for function in (pb.nn.elu, pb.nn.selu):
        check = pb.check_gradients(function, x, dtype=dtype, order=2)
        assert [variable.band for variable in check.variables] == ["right", "right"]


def test_bands_of_curved_functions_are_not_those_of_a_long_step():
    x = 0.01 * np.array([0.03, 0.5, 1.3, 2.0])
    for function in (np.log, np.sqrt, lambda x: x**0.3):
        (variable,) = pb.check_gradients(function, x).variables
        assert variable.relative < 1e-5


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_rules_of_values_of_any_size_are_blamed(dtype):
    @pb.custom_vjp(rule=lambda ct, out, x: ct * x)
    def square(x):
        return x * x

    x = np.array([1000.0, -2.0, 300.0, 0.5])
    assert "The rule of square is to blame" in error_of(square, x, dtype=dtype)


def test_at_the_edge_of_a_domain_the_inside_counts():
    pb.check_gradients(lambda z: z**2.5, np.array([0.0, 1]))
    pb.check_gradients(lambda z: (1 - z) ** 3.5, np.array([1.0, 0]))


@pytest.mark.parametrize("fault", [0.5, -1e-3])
def test_at_the_edge_of_a_domain_a_wrong_slope_is_found(monkeypatch, fault):
    rule = REGISTRY["power"].rule

    def mutant(ct, out, x, y):
        in_x, in_y = rule(ct, out, x, y)
        return in_x + fault * ct, in_y

    monkeypatch.setitem(vars(REGISTRY["power"]), "_rules", [mutant])
    assert "entry [0]" in error_of(lambda z: z**2.5, np.array([0.0, 1]))


def test_an_infinite_slope_is_called_that():
    text = error_of(lambda z: np.sum(np.sqrt(z)), np.array([1.0, 0]))
    assert "The derived gradient of z is not finite at entry [1]: analytic inf." in text
    assert "sqrt has no finite slope at its input.\n  at test_kinks_and_domains.py" in text


def test_an_overflow_in_a_branch_that_is_not_taken():
    def softplus(x):
        return np.sum(np.where(x > 30, x, np.log1p(np.exp(x))))

    with np.errstate(over="ignore"):  # NumPy's own warning, from the user's own function
        text = error_of(softplus, np.array([0.0, 1e4]))
    assert "The derived gradient of x is not finite at entry [1]: analytic nan." in text


@pytest.mark.parametrize(("value", "shown"), [(0.0, "-inf"), (-1.0, "nan")])
def test_a_function_that_is_not_finite(value, shown):
    with np.errstate(all="ignore"):
        text = error_of(lambda z: np.sum(np.log(z)), np.array([1.0, value]))
    assert f"the function is not finite: log gives {shown} (entry [1])." in text
    assert "\n  at test_kinks_and_domains.py, line" in text


def test_arguments_that_are_not_finite():
    text = error_of(lambda z: z, np.array([1.0, np.nan]))
    assert text.endswith("the function is not finite: its arguments are not.")


@pytest.mark.parametrize("size", [1e6, 1.0, 1e-8])
def test_rounding_is_not_mistaken_for_a_fault(size):
    x = size * np.random.default_rng(0).normal(size=(4, 5))
    labels = np.array([0, 1, 2, 4])
    pb.check_gradients(lambda x: np.sum(x**2), x)
    pb.check_gradients(lambda x: -np.sum(pb.nn.log_softmax(x)[np.arange(4), labels]), x)
    if size >= 1:  # 1e-8 beside 1e6 has two digits left
        pb.check_gradients(lambda x: np.sum(((x + 1e6) - 1e6) ** 2), x)
    pb.check_gradients(lambda x: np.var(x + 1e3), x)
    pb.check_gradients(lambda x: np.std(x, axis=0), x)


# ------------------------------------------------------------------------------------ options


def loss(params, x, labels):
    return np.sum((x @ params["W"] + params["b"])[labels] ** 2)


ARGUMENTS = ({"W": np.ones((2, 3)), "b": np.ones(3)}, np.ones((4, 2)), np.array([0, 3]))


@pytest.mark.parametrize(
    ("wrt", "names"),
    [
        (None, ["params['W']", "params['b']", "x"]),
        ("x", ["x"]),
        ("params", ["params['W']", "params['b']"]),
        ("params['b']", ["params['b']"]),
        (["x", "params['W']"], ["params['W']", "x"]),
    ],
)
def test_wrt_chooses_what_is_checked(wrt, names):
    check = pb.check_gradients(loss, *ARGUMENTS, wrt=wrt)
    assert [v.name for v in check.variables] == names


@pytest.mark.parametrize("wrt", ["param", ["x", "param"], "labels", 0, [None], ["x", 1], [["x"]]])
def test_wrt_that_names_nothing(wrt):
    text = error_of(loss, *ARGUMENTS, error=UsageError, wrt=wrt)
    wrong = wrt if not isinstance(wrt, list) else wrt[-1]
    assert text.startswith(f"wrt={wrong!r} is not a floating argument; there are params, params[")
    assert ("Did you mean 'params'?" in text) == (wrong == "param")


def test_an_empty_wrt():
    text = error_of(loss, *ARGUMENTS, error=UsageError, wrt=[])
    assert text.startswith("wrt=[] names no argument; there are params, ")


def test_nothing_to_check():
    for function, x in [(np.sum, np.arange(3)), (lambda x: np.argmax(x), np.ones(3))]:
        assert "no gradient to check" in error_of(function, x, error=UsageError)


def test_entries_decides_between_entries_and_directions():
    x = np.random.default_rng(0).normal(size=(5, 4))
    at_most = pb.check_gradients(np.exp, x, entries=20).variables[0]
    beyond = pb.check_gradients(np.exp, x, entries=19, directions=3).variables[0]
    assert (at_most.by_entry, at_most.checked) == (True, 20)
    assert (beyond.by_entry, beyond.checked) == (False, 3)


def test_seed_decides_the_cotangent():
    def error(seed):
        return error_of(two_halves, np.zeros(3), seed=seed)

    assert error(1) == error(1)
    assert error(1) != error(2)


def test_keyword_arguments():
    check = pb.check_gradients(lambda x, *, scale: np.sum(scale * x), np.ones(2), scale=2.0)
    assert [v.name for v in check.variables] == ["x", "scale"]
