"""What a check keeps and shows: errors, bands, kinks, the curve, and what is wrong."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import pullback as pb
from pullback.checking.precision import DOUBLE, SINGLE
from pullback.errors import GradientError, UndecidedError, UsageError
from pullback.primitive import REGISTRY


def replace_rule(monkeypatch, name, rule):
    monkeypatch.setitem(vars(REGISTRY[name]), "_rules", [rule])


def smooth(x, W):
    return np.sum(np.sin(x @ W))


def point():
    random = np.random.default_rng(0)
    return random.normal(size=(4, 3)), random.normal(size=(3, 2))


# ------------------------------------------------------------------------------ table and words


def test_the_table():
    text = str(pb.check_gradients(smooth, *point(), entries=10, directions=4, order=2))
    head, *rows = text.splitlines()[1:]
    assert text.splitlines()[0] == "the derived gradient is right"
    assert head.split() == ["variable", "shape", "checked", "error", "band", "kinks"]
    cells = [row.split() for row in rows]
    assert [row[:4] for row in cells[:2]] == [
        ["x", "4x3", "4", "directions"],
        ["W", "3x2", "6", "entries"],
    ]
    assert [row[:2] for row in cells[2:]] == [["x,", "2nd"], ["W,", "2nd"]]
    assert all(row[-1] == "right" for row in cells)


@pytest.mark.parametrize(
    ("precision", "relative", "word"),
    [
        (DOUBLE, 0.0, "right"),
        (DOUBLE, 1e-7, "right"),
        (DOUBLE, 1.1e-7, "close"),
        (DOUBLE, 1e-3, "doubtful"),
        (DOUBLE, 0.1, "wrong"),
        (SINGLE, 1e-3, "right"),
        (SINGLE, 0.05, "doubtful"),
        (SINGLE, 0.2, "wrong"),
    ],
)
def test_bands(precision, relative, word):
    assert precision.band(relative) == word


def test_the_relative_error_and_its_band_follow_the_fault(monkeypatch):
    rule = REGISTRY["sin"].rule
    for factor, word in [(1 + 1e-5, "close"), (1.001, "doubtful"), (1.5, "wrong")]:
        replace_rule(monkeypatch, "sin", lambda *given, f=factor: (f * rule(*given)[0],))
        check = pb.check_gradients(smooth, *point(), rtol=10.0, wrt="x")
        (variable,) = check.variables
        assert variable.relative == pytest.approx(1 - 1 / factor, rel=1e-4)
        assert variable.band == word


def test_a_report_instead_of_an_error(monkeypatch):
    rule = REGISTRY["exp"].rule
    replace_rule(monkeypatch, "exp", lambda *given: (2 * rule(*given)[0],))

    def function(x, y):
        return np.sum(np.exp(np.tanh(x))) + np.sum(np.sqrt(y))

    x, y = np.ones((2, 2)), np.ones(3)
    check = pb.check_gradients(function, x, y, raises=False)
    assert (check.is_right, check.verdict) == (False, "wrong")
    assert [v.verdict for v in check.variables] == ["wrong", "right"]
    assert check.variables[0].problem.count("The rule of exp is to blame") == 1
    text = str(check)
    assert text.startswith("the derived gradient is wrong\n")
    assert text.endswith(check.variables[0].problem)
    with pytest.raises(GradientError) as caught:
        pb.check_gradients(function, x, y)
    assert str(caught.value) == check.variables[0].problem


def test_undecided_is_neither_right_nor_wrong():
    for function, x in [(np.log, np.zeros(2)), (np.sqrt, np.array([1.0, 0]))]:
        with np.errstate(all="ignore"):
            check = pb.check_gradients(function, x, raises=False)
        assert (check.verdict, check.is_right) == ("undecided", False)
        with pytest.raises(UndecidedError), np.errstate(all="ignore"):
            pb.check_gradients(function, x)


def test_what_is_wrong_is_raised_before_what_is_undecided(monkeypatch):
    replace_rule(monkeypatch, "exp", lambda ct, out, x: (2 * ct * out,))
    with pytest.raises(GradientError, match="gradient of y is wrong") as caught:
        pb.check_gradients(
            lambda x, y: np.sum(np.sqrt(x)) + np.sum(np.exp(y)), np.zeros(2), np.ones(2)
        )
    assert not isinstance(caught.value, UndecidedError)


# ------------------------------------------------------------------------------------ kinks


def test_each_entry_on_a_kink_is_judged():
    x = np.array([0.0, 1, 0])
    check = pb.check_gradients(lambda x: np.sum(np.arange(1.0, 4) * np.abs(x)), x)
    first, last = check.variables[0].kinks
    assert (first.entry, last.entry) == ((0,), (2,))
    assert first.above == pytest.approx(-first.below)
    assert last.above == pytest.approx(3 * first.above)
    assert (first.derived, first.is_between) == (0.0, True)
    assert "2 entries of abs lie exactly on a kink" in str(check)
    assert "    x[0]: slopes -0.12573 and 0.12573, derived 0, between them" in str(check)


def test_kinks_that_meet_in_one_entry_may_leave_no_value_between():
    def crossed(w):
        return np.sum(np.array([1.0, 2]) * np.maximum(w * np.array([1.0, -1]), 0))

    (variable,) = pb.check_gradients(crossed, 0.0).variables
    (kink,) = variable.kinks
    assert (kink.entry, kink.derived, kink.is_between) == ((), 0.0, True)
    apart = pb.check_gradients(lambda w: np.maximum(w, 0) + np.maximum(2 * w, 0) - w, 0.0)
    (kink,) = apart.variables[0].kinks
    assert kink.is_between
    ends = pb.check_gradients(lambda w: np.maximum(w, 0) - np.maximum(-2 * w, 0), 0.0)
    (kink,) = ends.variables[0].kinks
    assert not kink.is_between
    assert "outside: several kinks meet" in str(ends)


def test_a_jump_is_no_kink_and_no_fault():
    check = pb.check_gradients(np.sign, np.zeros(3))
    assert check.variables[0].kinks == ()


def test_more_kinks_than_are_shown():
    text = str(pb.check_gradients(np.abs, np.zeros(9)))
    assert text.count("between them") == 5
    assert text.endswith("and 4 more")


# ------------------------------------------------------------------------------------ the curve


def test_the_error_falls_with_truncation_and_rises_with_rounding():
    for variable in pb.check_gradients(smooth, *point()).variables:
        sizes = [step.size for step in variable.curve]
        errors = [step.error for step in variable.curve]
        assert sizes == sorted(sizes, reverse=True)
        best = errors.index(min(errors))
        assert errors[best] < 1e-9
        assert 1e-8 < sizes[best] < 1e-3
        assert errors[0] > 1e4 * errors[best] < errors[-1]
        # Second order: a tenth of the step, a hundredth of the error.
        assert errors[0] / errors[1] == pytest.approx(100, rel=0.2)
        assert all((step.unfrozen, step.crossings) == (step.error, 0) for step in variable.curve)


def test_steps_that_cross_kinks_spoil_the_function_and_not_the_frozen_one():
    x = np.array([0.02, -0.01, 1, -1])
    (variable,) = pb.check_gradients(lambda x: np.sum(np.maximum(x, 0) ** 2), x).variables
    wide, *_, narrow = variable.curve
    assert wide.crossings > 0
    assert wide.unfrozen > 100 * wide.error
    assert (narrow.crossings, narrow.unfrozen) == (0, narrow.error)


def test_steps_of_ones_own_and_none():
    check = pb.check_gradients(smooth, *point(), steps=[1e-6, 1e-2])
    assert [step.size for step in check.variables[0].curve] == [1e-2, 1e-6]
    assert pb.check_gradients(smooth, *point(), steps=()).variables[0].curve == ()
    assert pb.check_gradients(np.exp, np.zeros(0)).variables[0].curve == ()


def test_the_picture_and_the_page_are_well_formed():
    def named(params):
        return np.sum(np.maximum(params["<W>"], 0))

    check = pb.check_gradients(named, {"<W>": np.array([0.01, -1, 0])})
    svg = ElementTree.fromstring(check.to_svg())
    space = "{http://www.w3.org/2000/svg}"
    assert len(svg.findall(f"{space}circle")) == 12
    assert "params['<W>']: least error" in svg.find(f"{space}desc").text
    dashed = [line for line in svg.findall(f"{space}path") if "stroke-dasharray" in line.attrib]
    assert len(dashed) == 1
    page = ElementTree.fromstring(f"<div>{check._repr_html_()}</div>")
    rows = page.findall("table/tbody/tr")
    assert [cell.text for cell in rows[0]][:2] == ["params['<W>']", "3"]
    assert "1 entry of maximum lies" in "".join(page.itertext())
    bare = pb.check_gradients(named, {"<W>": np.ones(2)}, steps=())
    assert "<svg" not in bare._repr_html_()


# -------------------------------------------------------------------------- float32 and order 2


def net(x, W1, W2):
    h = np.maximum(x @ W1, 0)
    return np.mean(pb.nn.log_softmax(h @ W2)[:, 0]) + 0.1 * np.sum(W1**2)


def weights():
    random = np.random.default_rng(3)
    return [random.normal(size=shape) for shape in [(6, 4), (4, 5), (5, 3)]]


@pytest.mark.parametrize("size", [1.0, 1e-2, 30.0])
@pytest.mark.parametrize("order", [1, 2])
def test_float32(size, order):
    arrays = [size * array for array in weights()]
    check = pb.check_gradients(net, *arrays, dtype="f4", order=order)
    assert check.dtype == "f4"
    assert {v.band for v in check.variables} == {"right"}
    assert max(step.error for step in check.variables[0].curve) > 1e-3  # it is float32


@pytest.mark.parametrize("name", ["matmul", "log_softmax", "maximum", "square", "power"])
def test_faults_are_found_in_float32(monkeypatch, name):
    rule = REGISTRY[name].rule

    def mutant(*given, **params):
        return tuple(None if p is None else 1.1 * p for p in rule(*given, **params))

    replace_rule(monkeypatch, name, mutant)
    function = {"square": lambda x: np.sum(np.square(x))}.get(
        name, lambda x: net(x, *weights()[1:])
    )
    if name == "power":
        function = lambda x: np.sum(np.abs(x) ** 1.5)  # noqa: E731
    with pytest.raises(GradientError) as caught:
        pb.check_gradients(function, weights()[0], dtype="f4")
    assert f"The rule of {name} is to blame" in str(caught.value)


def test_a_rule_that_only_the_second_derivative_uses(monkeypatch):
    """sin'' needs the rule of cos, which the gradient reads as a value alone."""
    replace_rule(monkeypatch, "cos", lambda ct, out, x: (ct * np.sin(x),))
    x = np.array([0.3, -1, 2])
    assert pb.check_gradients(lambda x: np.sum(np.sin(x)), x).is_right
    with pytest.raises(GradientError) as caught:
        pb.check_gradients(lambda x: np.sum(np.sin(x)), x, order=2)
    assert "The derived second derivative of x is wrong at entry [0]" in str(caught.value)
    assert "The rule of cos is to blame" in str(caught.value)


def test_a_rule_of_ones_own_whose_derivative_is_wrong():
    slope = pb.custom_vjp(lambda x: 2 * x, rule=lambda ct, out, x: 3 * ct)
    square = pb.custom_vjp(lambda x: x * x, rule=lambda ct, out, x: ct * slope(x))
    x = np.array([1.0, -2])
    assert pb.check_gradients(square, x).is_right
    check = pb.check_gradients(lambda x: np.sum(square(x) * x), x, order=2, raises=False)
    assert [v.verdict for v in check.variables] == ["right", "wrong"]
    # Within the square its slope is a value of the derived program, and its rule is to blame.
    assert "is to blame" in check.problems[0]


def test_second_order_on_kinks_is_quiet():
    for function in (np.abs, lambda x: np.maximum(x, 0) ** 2, lambda x: x * np.sign(x)):
        assert pb.check_gradients(function, np.array([0.0, 1, -1]), order=2).is_right


def test_second_order_waits_for_the_first(monkeypatch):
    replace_rule(monkeypatch, "exp", lambda ct, out, x: (2 * ct * out,))
    check = pb.check_gradients(np.exp, np.ones(2), order=2, raises=False)
    assert [v.order for v in check.variables] == [1]


# -------------------------------------------------------------------------- hard points, options


@pytest.mark.parametrize("apart", [1e-8, 1e-9, 1e-10, 1e-11])
def test_the_deviation_of_nearly_equal_values(monkeypatch, apart):
    a = np.array([[1, 1.0], [1 + apart, 2], [1 - 0.3 * apart, -3]])
    pb.check_gradients(lambda a: np.std(a, axis=0), a)
    rule = REGISTRY["std"].rule
    replace_rule(monkeypatch, "std", lambda *g, **p: (1.5 * rule(*g, **p)[0],))
    with pytest.raises(GradientError, match="The rule of std is to blame"):
        pb.check_gradients(lambda a: np.std(a, axis=0), a)


def test_a_gradient_that_the_last_digit_moves_is_undecided():
    a = np.array([1, 1 + 1e-14, 1 - 3e-14, 2.0])
    with pytest.raises(UndecidedError, match="in their last digit moves it by"):
        pb.check_gradients(lambda a: np.std(a[:3]) + a[3], a)


@pytest.mark.parametrize("fault", [0.5, -1e-3])
@pytest.mark.parametrize("z", [[0.0, 1], [0.0, 0, 1, 0, 0]], ids=str)
def test_on_the_edge_of_its_domain_a_rule_is_blamed(monkeypatch, z, fault):
    rule = REGISTRY["power"].rule

    def mutant(ct, out, x, y):
        in_x, in_y = rule(ct, out, x, y)
        return in_x + fault * ct, in_y

    replace_rule(monkeypatch, "power", mutant)
    with pytest.raises(GradientError, match="The rule of power is to blame"):
        pb.check_gradients(lambda z: z**2.5, np.array(z))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seed": -1}, "seed=-1: it must be a whole number from 0."),
        ({"seed": 1.5}, "seed=1.5: it must be a whole number from 0."),
        ({"entries": True}, "entries=True: it must be a whole number from 0."),
        ({"directions": 0}, "directions=0: it must be a whole number from 1."),
        ({"order": 3}, "order=3: it must be 1 (the gradient) or 2 (its derivative too)."),
        ({"rtol": 0}, "rtol=0: it must be a number above 0."),
        ({"rtol": np.nan}, "rtol=nan: it must be a number above 0."),
        ({"steps": 1e-3}, "steps=0.001: it must be a list of step sizes, such as [1e-3, 1e-6]."),
        ({"steps": [1e-3, -1]}, "steps=-1: it must be a number above 0."),
        ({"dtype": "f2"}, "dtype='f2': gradients are checked in 'f8' or 'f4'."),
        ({"dtype": "words"}, "dtype='words': gradients are checked in 'f8' or 'f4'."),
    ],
    ids=str,
)
def test_options_that_are_refused(options, sentence):
    with pytest.raises(UsageError) as caught:
        pb.check_gradients(np.exp, np.ones(2), **options)
    assert str(caught.value) == sentence


def test_a_gradient_that_is_rounding_noise_has_no_large_error():
    def shifted(x, b):
        z = x + b
        return np.sum((z - np.mean(z, axis=0)) ** 3)

    random = np.random.default_rng(0)
    check = pb.check_gradients(shifted, random.normal(size=(6, 4)), random.normal(size=4), wrt="b")
    assert check.variables[0].relative < 1e-6
    assert check.variables[0].band == "right"
