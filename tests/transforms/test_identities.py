"""Each identity: that it holds, and that it is refused without its condition.

A program is written down equation by equation in the backward stage, where identities apply, and
simplified with the one identity under test. What comes out is compared by its operations and by
its values.
"""

import numpy as np
import pytest

import pullback as pb
from pullback.avals import Aval
from pullback.dims import axis
from pullback.primitive import REGISTRY, Literal
from pullback.program import BACKWARD, Argument
from pullback.tracing import Builder
from pullback.transforms.identities import IDENTITIES, arithmetic, factors, layout
from pullback.transforms.simplify import simplify
from pullback.trees import LEAF

N, D = axis("N"), axis("D")
F8, F4 = np.dtype("f8"), np.dtype("f4")
LENGTHS = {"N": 4, "D": 3}

AVALS = {
    "x": Aval(F8, (N, D)),
    "y": Aval(F8, (N, D)),
    "row": Aval(F8, (D,)),
    "column": Aval(F8, (N, 1)),
    "rows": Aval(F8, (N, D)),
    "number": Aval(F8, ()),
    "weak": Aval(F8, (), weak=True),
    "narrow": Aval(F4, (N, D)),
    "labels": Aval(np.dtype("i8"), (N,)),
    "mask": Aval(np.dtype(bool), (N, D)),
}


def apply(name, *inputs, **params):
    return REGISTRY[name](*inputs, **params)


def written(body):
    """A program whose equations all stand in the backward stage."""
    builder = Builder(name_values=False)
    given = {name: builder.wrap(builder.add_input(aval, name)) for name, aval in AVALS.items()}
    with builder.in_stage(BACKWARD):
        out = body(given)
    arguments = [Argument(name, LEAF) for name in AVALS]
    return builder.finish("f", [builder.atom(out)], arguments, LEAF)[0]


def values():
    random = np.random.default_rng(5)
    shapes = {name: tuple(LENGTHS.get(str(d), d) for d in a.shape) for name, a in AVALS.items()}
    made = {
        name: np.asarray(random.normal(size=shape), AVALS[name].dtype)
        for name, shape in shapes.items()
    }
    return made | {
        "weak": 0.7,
        "labels": np.array([0, 2, 1, 2]),
        "rows": random.dirichlet(np.ones(3), size=4),
        "mask": made["x"] > 0,
    }


def simplified(body, identity):
    """The operations left, in order; the values must not have changed."""
    program = written(body)
    after = simplify(program, [identity])
    before_value, after_value = (pb.compile(p)(**values()) for p in (program, after))
    assert np.allclose(before_value, after_value, rtol=1e-12, atol=1e-14)
    assert np.asarray(before_value).dtype == np.asarray(after_value).dtype
    assert np.shape(before_value) == np.shape(after_value)
    return [equation.primitive.name for equation in after.equations]


def literal(v, value):
    """A number as a traced value, so that an operation on it is recorded."""
    return v["x"].builder.wrap(Literal(value))


def strong(value):
    return np.float64(value)


def spread(v, name="row"):
    return apply("broadcast_to", v[name], shape=(N, D))


def filled(value, shape=(N, D), dtype=F8):
    """All entries the same number; it takes a traced value to have a builder at hand."""
    return lambda v: v["x"].builder.bind(
        REGISTRY["full"], (), {"shape": shape, "value": value, "dtype": dtype}
    )


def twos(v):
    """A number repeated by an operation that does not work entry by entry."""
    return apply("broadcast_to", literal(v, 2.0), shape=(N, D))


def reshape(x, *shape):
    return apply("reshape", x, shape=shape)


def total(x, ax, keepdims=True):
    return apply("sum", x, axis=ax, keepdims=keepdims)


def rowless(v):
    return total(v["x"], 0, keepdims=False)


def distribution(v, which="softmax", ax=1):
    if which == "softmax":
        return apply("softmax", v["x"], axis=ax)
    if which == "declared":
        return apply("distribution", v["rows"], tolerance=1e-5)
    return apply("one_hot", v["labels"], classes=3, dtype=F8)


def smoothed(y, amount=0.2):
    return apply("smooth_labels", y, amount)


BY_NAME = {
    identity.__name__: identity
    for identity in (*layout.LAYOUT, *arithmetic.ARITHMETIC, *factors.FACTORS)
}

HOLDS = [
    # arithmetic
    ("fold_numbers", lambda v: v["x"] * (literal(v, 2.0) * 3.0), ["multiply"]),
    ("fold_numbers", lambda v: v["x"] * -literal(v, strong(1)), ["multiply"]),
    ("fold_numbers", lambda v: v["x"] * (literal(v, strong(2)) * 3.0), ["multiply"]),
    ("plain_number", lambda v: v["x"] * strong(2), ["multiply"]),
    ("times_one", lambda v: v["x"] * 1.0, []),
    ("times_one", lambda v: 1 * v["x"], []),
    ("times_one", lambda v: v["x"] / 1.0, []),
    ("times_one", lambda v: v["x"] ** 1.0, []),
    ("times_one", lambda v: v["x"] * filled(1.0)(v), []),
    ("plus_zero", lambda v: v["x"] + 0.0, []),
    ("plus_zero", lambda v: v["x"] - 0, []),
    ("plus_zero", lambda v: 0.0 + v["x"], []),
    ("plus_zero", lambda v: 0.0 - v["x"], ["negative"]),
    ("plus_zero", lambda v: filled(0.0)(v) + v["x"], []),
    ("signs", lambda v: np.negative(-v["x"]), []),
    ("signs", lambda v: v["x"] + -v["y"], ["subtract"]),
    ("signs", lambda v: v["x"] - -v["y"], ["add"]),
    ("signs", lambda v: v["x"] * -literal(v, 2.0), ["multiply"]),
    ("negative_first", lambda v: -v["x"] + v["y"], ["subtract"]),
    # layout
    ("late_broadcast", lambda v: spread(v) * v["x"], ["multiply"]),
    ("late_broadcast", lambda v: np.exp(spread(v)), ["exp", "broadcast_to"]),
    ("late_broadcast", lambda v: v["x"] * filled(2.0)(v), ["multiply"]),
    (
        "broadcast_number",
        lambda v: apply("broadcast_to", filled(2.0, (D,))(v), shape=(N, D)),
        ["full"],
    ),
    ("broadcast_twice", lambda v: apply("broadcast_to", v["x"], shape=(N, D)), []),
    (
        "broadcast_twice",
        lambda v: apply("broadcast_to", spread(v), shape=(2, N, D)),
        ["broadcast_to"],
    ),
    (
        "moved_broadcast",
        lambda v: apply("transpose", spread(v, "number"), axes=(1, 0)),
        ["broadcast_to"],
    ),
    ("moved_broadcast", lambda v: apply("transpose", filled(2.0)(v), axes=(1, 0)), ["full"]),
    (
        "moved_broadcast",
        lambda v: apply("expand_dims", spread(v, "column"), axis=0),
        ["expand_dims", "broadcast_to"],
    ),
    ("move_and_back", lambda v: v["x"].T.T, []),
    ("move_and_back", lambda v: apply("transpose", v["x"], axes=(0, 1)), []),
    (
        "move_and_back",
        lambda v: apply(
            "transpose", apply("transpose", v["x"][None], axes=(1, 2, 0)), axes=(1, 2, 0)
        ),
        ["getitem", "transpose"],
    ),
    ("move_and_back", lambda v: np.squeeze(np.expand_dims(v["x"], 1), 1), []),
    ("move_and_back", lambda v: np.expand_dims(np.squeeze(v["column"], 1), 1), []),
    ("reshape_twice", lambda v: reshape(reshape(v["x"], N * D), D, N), ["reshape"]),
    ("reshape_twice", lambda v: reshape(v["x"], N, D), []),
    ("copy_of_value", lambda v: np.copy(v["x"]) + 1, ["add"]),
    ("kept_axes", lambda v: rowless(v) * total(v["x"], 0), ["sum", "expand_dims", "multiply"]),
    ("kept_axes", lambda v: total(v["x"], 0) * rowless(v), ["sum", "squeeze", "multiply"]),
    ("kept_axes", lambda v: np.sum(v["x"]) + total(v["x"], None), ["sum", "expand_dims", "add"]),
    ("leading_axes", lambda v: v["x"] * np.expand_dims(v["row"], 0), ["multiply"]),
    # factors
    ("sum_of_scaled", lambda v: total(-v["x"], 1), ["sum", "negative"]),
    ("sum_of_scaled", lambda v: total(v["column"] * v["x"], 1), ["sum", "multiply"]),
    ("sum_of_scaled", lambda v: total(v["x"] * v["number"], 1), ["sum", "multiply"]),
    ("sum_of_scaled", lambda v: total(v["x"] * 3.0, (0, 1)), ["sum", "multiply"]),
    ("sum_of_distribution", lambda v: total(distribution(v), 1), ["full"]),
    ("sum_of_distribution", lambda v: total(distribution(v), 1, False), ["full"]),
    ("sum_of_distribution", lambda v: total(distribution(v, "one_hot"), 1), ["full"]),
    ("sum_of_distribution", lambda v: total(distribution(v, ax=0), 0), ["full"]),
    ("sum_of_distribution", lambda v: total(distribution(v, "declared"), 1), ["full"]),
    ("sum_of_distribution", lambda v: total(smoothed(distribution(v, "declared")), 1), ["full"]),
    ("sum_of_distribution", lambda v: total(smoothed(distribution(v, "one_hot")), 1), ["full"]),
    ("sum_of_distribution", lambda v: total(smoothed(smoothed(distribution(v))), 1), ["full"]),
    (
        "common_factor",
        lambda v: v["number"] * v["x"] - v["y"] * v["number"],
        ["subtract", "multiply"],
    ),
    ("common_factor", lambda v: v["column"] * v["x"] + v["column"], ["add", "multiply"]),
    (
        "common_divisor",
        lambda v: v["x"] / v["number"] - v["y"] / v["number"],
        ["subtract", "divide"],
    ),
    ("common_divisor", lambda v: v["x"] / v["row"] + v["y"] / v["row"], ["add", "divide"]),
    ("negative_in_sum", lambda v: v["x"] + -v["row"] * v["y"], ["multiply", "subtract"]),
    ("negative_in_sum", lambda v: v["y"] * -v["row"] + v["x"], ["multiply", "subtract"]),
    ("negative_in_sum", lambda v: v["x"] - -v["row"] * v["y"], ["multiply", "add"]),
    ("negative_outside", lambda v: np.expand_dims(-v["row"], 0), ["expand_dims", "negative"]),
    ("one_in_product", lambda v: literal(v, strong(1)) * v["weak"] * v["x"], ["multiply"]),
    ("one_in_product", lambda v: v["narrow"] * (v["weak"] * literal(v, 1.0)), ["multiply"]),
    ("halved_and_doubled", lambda v: v["weak"] / 2 * (2 * v["x"]), ["multiply"]),
    ("halved_and_doubled", lambda v: v["x"] * 0.25 * (v["row"] / 0.25), ["multiply"]),
    ("halved_and_doubled", lambda v: v["x"] / 2.0 * 2, []),
    ("sign_of_difference", lambda v: -(v["x"] - v["y"]), ["subtract"]),
    ("sign_of_difference", lambda v: -v["row"] * (v["x"] - v["y"]), ["subtract", "multiply"]),
    ("times_reciprocal", lambda v: (1.0 / v["number"]) * v["x"], ["divide"]),
    ("times_reciprocal", lambda v: v["x"] * (1.0 / v["row"]), ["divide"]),
    ("times_reciprocal", lambda v: (-1.0 / v["number"]) * v["x"], ["negative", "divide"]),
]

REFUSED = [
    ("fold_numbers", lambda v: v["x"] * (v["weak"] * 2.0), ["multiply", "multiply"]),
    ("fold_numbers", lambda v: v["x"] * twos(v), ["broadcast_to", "multiply"]),
    ("plain_number", lambda v: v["narrow"] * strong(2), ["multiply"]),  # else float32
    ("times_one", lambda v: v["row"] * filled(1.0)(v), ["full", "multiply"]),  # wider than row
    ("times_one", lambda v: v["narrow"] * strong(1), ["multiply"]),  # float64, not float32
    ("times_one", lambda v: 1.0 / v["x"], ["divide"]),
    ("times_one", lambda v: 1.0 ** v["x"], ["power"]),
    ("times_one", lambda v: v["mask"] * 1.0, ["multiply"]),
    ("times_one", lambda v: v["x"] + 1.0, ["add"]),
    ("plus_zero", lambda v: v["row"] + filled(0.0)(v), ["full", "add"]),
    ("plus_zero", lambda v: v["narrow"] + strong(0), ["add"]),
    ("plus_zero", lambda v: v["x"] * 0.0, ["multiply"]),  # NaN times 0 is NaN
    ("signs", lambda v: -v["x"] + v["y"], ["negative", "add"]),
    ("signs", lambda v: v["x"] * -v["y"], ["negative", "multiply"]),
    ("negative_first", lambda v: -v["x"] - v["y"], ["negative", "subtract"]),
    ("negative_first", lambda v: v["x"] + -v["y"], ["negative", "add"]),
    ("late_broadcast", lambda v: np.abs(spread(v)), ["broadcast_to", "abs"]),  # it has a kink
    ("late_broadcast", lambda v: np.sum(spread(v)), ["broadcast_to", "sum"]),
    ("late_broadcast", lambda v: np.cumsum(spread(v), 0), ["broadcast_to", "cumsum"]),
    ("late_broadcast", lambda v: np.maximum(v["x"], filled(0.0)(v)), ["full", "maximum"]),
    ("broadcast_number", lambda v: spread(v), ["broadcast_to"]),
    ("broadcast_twice", lambda v: spread(v), ["broadcast_to"]),
    (
        "moved_broadcast",
        lambda v: apply("transpose", spread(v), axes=(1, 0)),
        ["broadcast_to", "transpose"],
    ),
    ("moved_broadcast", lambda v: np.expand_dims(spread(v), 0), ["broadcast_to", "expand_dims"]),
    (
        "move_and_back",
        lambda v: np.squeeze(np.expand_dims(v["column"], 0), 2),
        ["expand_dims", "squeeze"],
    ),
    ("move_and_back", lambda v: v["x"].T, ["transpose"]),
    ("reshape_twice", lambda v: reshape(v["x"], D, N), ["reshape"]),
    ("copy_of_value", lambda v: np.copy(v["x"]), ["copy"]),  # it is an output
    ("copy_of_value", lambda v: v["x"].astype("f4") + 1, ["astype", "add"]),
    ("copy_of_value", lambda v: v["mask"].astype("f8") + 1, ["astype", "add"]),
    ("kept_axes", lambda v: rowless(v) * total(v["x"], 1), ["sum", "sum", "multiply"]),
    ("kept_axes", lambda v: rowless(v) * total(v["y"], 0), ["sum", "sum", "multiply"]),
    ("kept_axes", lambda v: total(v["x"], 0) + np.sum(v["x"]), ["sum", "sum", "add"]),
    ("leading_axes", lambda v: v["row"] * np.expand_dims(v["row"], 0), ["expand_dims", "multiply"]),
    ("leading_axes", lambda v: total(np.expand_dims(v["row"], 0), 0), ["expand_dims", "sum"]),
    (
        "leading_axes",  # the new axis comes last
        lambda v: v["x"].T * np.expand_dims(v["row"], 1),
        ["transpose", "expand_dims", "multiply"],
    ),
    ("sum_of_scaled", lambda v: total(v["x"] * v["y"], 1), ["multiply", "sum"]),
    ("sum_of_scaled", lambda v: total(v["column"] * v["x"], 0), ["multiply", "sum"]),
    ("sum_of_scaled", lambda v: total(v["row"] * v["x"], (0, 1)), ["multiply", "sum"]),
    ("sum_of_scaled", lambda v: total(v["column"] * v["x"], 1, False), ["multiply", "sum"]),
    ("sum_of_scaled", lambda v: total(v["row"] * v["column"], 1), ["multiply", "sum"]),
    ("sum_of_distribution", lambda v: total(v["x"], 1), ["sum"]),
    ("sum_of_distribution", lambda v: total(distribution(v), 0), ["softmax", "sum"]),
    ("sum_of_distribution", lambda v: total(v["rows"], 1), ["sum"]),  # nobody said so
    ("sum_of_distribution", lambda v: total(np.exp(v["x"]), 1), ["exp", "sum"]),
    (
        "sum_of_distribution",
        lambda v: total(distribution(v, "declared"), 0),
        ["distribution", "sum"],
    ),
    ("sum_of_distribution", lambda v: total(smoothed(v["x"]), 1), ["smooth_labels", "sum"]),
    (
        "sum_of_distribution",
        lambda v: total(smoothed(distribution(v, ax=0)), 1),
        ["softmax", "smooth_labels", "sum"],
    ),
    ("sum_of_distribution", lambda v: total(distribution(v), (0, 1)), ["softmax", "sum"]),
    ("sum_of_distribution", lambda v: total(distribution(v), None, False), ["softmax", "sum"]),
    ("sum_of_distribution", lambda v: total(distribution(v, "one_hot"), 0), ["one_hot", "sum"]),
    (
        "common_factor",
        lambda v: v["x"] * v["y"] - v["x"],
        ["multiply", "subtract"],  # the factor is as large as the result
    ),
    (
        "common_factor",
        lambda v: v["number"] * v["x"] - v["row"] * v["y"],
        ["multiply", "multiply", "subtract"],
    ),
    ("common_factor", lambda v: (v["number"] * v["x"]) / v["number"], ["multiply", "divide"]),
    (
        "common_divisor",
        lambda v: v["x"] / v["number"] - v["y"] / v["weak"],
        ["divide", "divide", "subtract"],
    ),
    (
        "common_divisor",  # the divisor is as large as the result
        lambda v: v["x"] / v["y"] - v["row"] / v["y"],
        ["divide", "divide", "subtract"],
    ),
    (
        "common_divisor",  # True / 2 - True / 2 is 0, masks have no difference
        lambda v: v["mask"] / v["number"] - v["mask"] / v["number"],
        ["divide", "subtract"],
    ),
    ("negative_in_sum", lambda v: v["x"] + v["row"] * v["y"], ["multiply", "add"]),
    (
        "negative_in_sum",
        lambda v: -v["row"] * v["y"] - v["x"],
        ["negative", "multiply", "subtract"],
    ),
    (
        "negative_in_sum",
        lambda v: v["x"] / (-v["row"] * v["y"]),
        ["negative", "multiply", "divide"],
    ),
    ("negative_outside", lambda v: np.expand_dims(np.exp(v["row"]), 0), ["exp", "expand_dims"]),
    ("negative_outside", lambda v: np.sum(-v["row"]), ["negative", "sum"]),
    ("one_in_product", lambda v: literal(v, 2.0) * v["weak"] * v["x"], ["multiply", "multiply"]),
    (
        "one_in_product",  # without the 1 the result would be float32
        lambda v: literal(v, strong(1)) * v["weak"] * v["narrow"],
        ["multiply", "multiply"],
    ),
    (
        "halved_and_doubled",
        lambda v: v["weak"] / 3 * (3 * v["x"]),
        ["divide", "multiply", "multiply"],
    ),
    (
        "halved_and_doubled",
        lambda v: v["weak"] / 2 * (4 * v["x"]),
        ["divide", "multiply", "multiply"],
    ),
    ("halved_and_doubled", lambda v: v["x"] / v["row"] * v["row"], ["divide", "multiply"]),
    ("halved_and_doubled", lambda v: v["x"] / 2.0 / 2.0, ["divide", "divide"]),
    ("sign_of_difference", lambda v: -(v["x"] + v["y"]), ["add", "negative"]),
    ("sign_of_difference", lambda v: v["row"] * (v["x"] - v["y"]), ["subtract", "multiply"]),
    ("times_reciprocal", lambda v: (2.0 / v["number"]) * v["x"], ["divide", "multiply"]),
    ("times_reciprocal", lambda v: (1.0 / v["number"]) / v["x"], ["divide", "divide"]),
]


@pytest.mark.parametrize(("name", "body", "left"), HOLDS)
def test_it_holds(name, body, left):
    assert simplified(body, BY_NAME[name]) == left


@pytest.mark.parametrize(("name", "body", "left"), REFUSED)
def test_it_refuses_without_its_condition(name, body, left):
    assert simplified(body, BY_NAME[name]) == left


def test_every_identity_is_tested_both_ways():
    for tested in (HOLDS, REFUSED):
        assert {name for name, *_ in tested} == set(BY_NAME)
    assert {identity.__name__ for identity in IDENTITIES} == set(BY_NAME)


@pytest.mark.parametrize("number", [1.0, np.float64(1), np.float32(1)])
def test_a_division_of_numbers_by_zero_is_left_for_the_run(number):
    program = written(lambda v: v["x"] * (literal(v, number) / 0.0))
    after = simplify(program, [arithmetic.fold_numbers])
    assert [equation.primitive.name for equation in after.equations] == ["divide", "multiply"]
