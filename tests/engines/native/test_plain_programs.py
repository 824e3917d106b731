"""Loops as they stand, without a compiler, against the reference engine: every primitive, its
gradient, and random programs and losses, cut in every way, in memory that holds NaN at first."""

import inspect
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import assume, given, settings
from native_beside_reference import (
    PIECES_OF_TILES,
    WHOLE,
    difference,
    native_steps,
    on_native,
    on_reference,
)
from native_calls import CUTS, differences, executable
from native_expressions import EXPRESSIONS, pool_of, total
from native_networks import SEVERAL, SGD, X, net

import pullback as pb
from pullback.avals import aval_of
from pullback.differentiate import value_and_grad
from pullback.engines.native import NotCompilable, phases
from pullback.engines.native.execution import NativeExecutable
from pullback.errors import ShapeError
from pullback.primitive import REGISTRY
from pullback.tracing import trace_avals

RANDOM = np.random.default_rng(5)
# Both engines round each operation alike but for the order of sums and the last bits of functions.
BOUNDS = {"f8": 1e-12, "f4": 3e-6}


def narrowed(value, dtype):
    array = np.asarray(value)
    return array.astype(dtype) if array.dtype.kind == "f" and not np.isscalar(value) else value


def called(primitive, params, count):
    """The primitive as a function of so many arguments, which tracing tells apart by name."""

    def call(**values):
        return primitive(*values.values(), **params)

    names = [f"a{i}" for i in range(count)]
    kinds = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
    call.__signature__ = inspect.Signature(kinds)
    return call, names


def check(program, values, bound, cuts=("pieces",), times=1):
    with np.errstate(all="ignore"):
        wanted = pb.compile(program)(*values)
        for cut in cuts:
            native = executable(program, *CUTS[cut])
            for _ in range(times):  # the second time memory holds what the first time left
                found = differences(native(*values), wanted, bound)
                assert not found, (cut, found[0])


def cases(name, dtype):
    """For each case with arguments: the primitive as a function of them, and the arguments."""
    primitive = REGISTRY[name]
    for case in primitive.cases(np.random.default_rng(0)):
        if case.inputs:
            values = [narrowed(value, dtype) for value in case.inputs]
            yield *called(primitive, case.params, len(values)), values


@pytest.mark.parametrize("name", REGISTRY)
def test_each_primitive(name):
    for call, names, values in cases(name, "f8"):
        program = trace_avals(call, dict(zip(names, map(aval_of, values), strict=True)))
        check(program, values, BOUNDS["f8"])


@pytest.mark.parametrize("name", [name for name in REGISTRY if name not in ("erf", "gelu")])
def test_each_primitive_in_float32(name):
    for call, names, values in cases(name, "f4"):
        program = trace_avals(call, dict(zip(names, map(aval_of, values), strict=True)))
        check(program, values, BOUNDS["f4"])


@pytest.mark.parametrize("name", [name for name in REGISTRY if REGISTRY[name].rule])
def test_the_gradient_of_each_primitive(name):
    for call, names, values in cases(name, "f8"):
        avals = dict(zip(names, map(aval_of, values), strict=True))
        floating = [
            n for n, v in zip(names, values, strict=True) if np.asarray(v).dtype.kind == "f"
        ]
        out = np.asarray(pb.compile(trace_avals(call, avals))(*values))
        if not floating or out.dtype.kind != "f":
            continue
        cotangent = RANDOM.normal(size=out.shape)

        def loss(chosen, others, call=call, cotangent=cotangent, names=names):
            given = {**chosen, **others}
            return np.sum(call(**{name: given[name] for name in names}) * cotangent)

        def gradient(call_values, loss=loss, floating=floating):
            others = {n: v for n, v in call_values.items() if n not in floating}
            chosen = {n: v for n, v in call_values.items() if n in floating}
            return value_and_grad(lambda chosen: loss(chosen, others))(chosen)

        program = trace_avals(gradient, {"call_values": avals})
        check(program, [dict(zip(names, values, strict=True))], BOUNDS["f8"])


GIVEN = {
    "x": RANDOM.normal(size=(5, 4)),
    "y": RANDOM.normal(size=5),
    "W": RANDOM.normal(size=(4, 3)),
    "b": RANDOM.normal(size=3),
    "k": RANDOM.integers(0, 3, 5),
}


@contextmanager
def only_what_has_loops():
    """Leaves out examples that look places up in an axis of length 1, which have none."""
    try:
        yield
    except NotCompilable as error:
        assume("axis of length 1" not in str(error))
        raise


@settings(max_examples=30)
@given(EXPRESSIONS)
def test_random_programs_and_their_gradients(steps):
    def program(x, y, W, b, k):
        def loss(given):
            pool = pool_of(steps, list(given.values()), k)
            return total([*given.values(), *pool]), pool

        (value, pool), slopes = value_and_grad(loss, has_aux=True)({"x": x, "y": y, "W": W, "b": b})
        return {"value": value, "pool": pool, "slopes": slopes}

    try:
        traced = pb.trace(program, x="N 4", y="N", W="4 3", b="3", k="i8 N")
        pb.compile(traced)(**GIVEN)
    except (ShapeError, IndexError):  # a length that only some N have, or a place beyond it
        assume(False)
    with only_what_has_loops():
        # A product of five factors and what follows from it may lose some digits.
        check(traced, list(GIVEN.values()), 1e-9, ("whole", "both"), times=2)


@settings(max_examples=25)
@given(EXPRESSIONS)
def test_random_losses_in_training(steps):
    def loss(outputs, targets):
        pool = pool_of(steps, [outputs, targets], np.argmax(targets, axis=1))
        return np.mean(np.tanh(outputs - targets) ** 2) + 0.005 * total(pool)

    network = net(pb.nn.Tanh(), outputs=2, units=3)
    chosen = {"batch_size": 8, "optimizer": SGD, "engine": "reference", "dtype": "float64"}
    try:
        run = pb.training.prepare(network, X, SEVERAL, loss=loss, **chosen)
        with only_what_has_loops():
            whole = native_steps(run, WHOLE)
        wanted = on_reference(run, 1, whole.told)
    except (ShapeError, IndexError):
        assume(False)
    for native in (whole, native_steps(run, PIECES_OF_TILES)):
        assert max(difference(on_native(run, native, 1, poison=True), wanted)) <= 1e-9


PROGRAMS = {
    "a part from the first entry": lambda x: x[:-1],
    "columns from the first": lambda x: np.tanh(x[:, :2]) + x[:, 1:3],
    "one column": lambda x: x[:, 1:2] * x,
    "the same twice": lambda x: (np.tanh(x), np.expand_dims(np.tanh(x), 0), np.tanh(x).reshape(-1)),
    "the input": lambda x: (x, x.T, x[0]),
    "a row of sums": lambda x: np.sum(np.stack([x[:, 0], 2 * x[:, 1]]), axis=0),
    "two transposed": lambda x: x.T @ (x.T @ x @ x.T).T,
    "all with all": lambda x: np.tanh(x @ x.T) @ x,
    "one number": lambda x: np.sum(x) * np.tanh(np.max(x)) + np.mean(x) / np.min(x),
    "numbers of numbers": lambda x: numbers_of(np.sum(x), np.mean(x)),
}


def numbers_of(a, b):
    """Numbers that take each other's place in memory."""
    c, d = np.tanh(a), np.exp(-(b**2))
    return c * d + a, np.where(c > d, c, d) - b


@pytest.mark.parametrize("name", PROGRAMS)
def test_small_programs(name):
    check(pb.trace(PROGRAMS[name], x="N 4"), [GIVEN["x"]], 1e-12, CUTS, times=2)


def test_names_of_ones_own_are_no_names_of_the_loops():
    def program(i, j, x, x_i, size_1, all_x, own_x, lo, hi, range, min, np_, k0, x_now, from_x):
        y_ij = i * j + x @ x_i - size_1
        return np.sum(np.tanh(y_ij) * all_x + own_x / (2 + range**2) + lo - hi * min, axis=0) + (
            np.sum(np_ + k0) * x_now * from_x
        )

    shapes = {"x": "N 4", "x_i": "4 3"}
    names = inspect.signature(program).parameters
    specs = {name: shapes.get(name, "N 3") for name in names} | {"x_now": "3", "from_x": "3"}
    values = {
        name: RANDOM.normal(size=[{"N": 5}.get(d) or int(d) for d in spec.split()])
        for name, spec in specs.items()
    }
    check(pb.trace(program, **specs), list(values.values()), 1e-12, CUTS)


@pytest.mark.parametrize("place", [3, -4, 7])
def test_places_outside_an_array_are_refused(place):
    def read(x, k):
        return x[k]

    def write(x, k):
        x = np.copy(x)
        x[k] = 0.5
        return x

    def look_up(x, k):
        return np.take_along_axis(x, k, axis=0)

    x, k = RANDOM.normal(size=3), np.array([0, -3, place, 1])
    for function in (read, write, look_up):
        native = executable(pb.trace(function, x="3", k="i8 M"), 1, False)
        assert differences(native(x, k[:2]), function(x, k[:2]), 0.0) == []
        with pytest.raises(IndexError):
            native(x, k)


def test_a_wrong_loop_is_seen(monkeypatch):
    """The comparison notices a reduction that begins with another number."""
    neutral = phases.neutral
    monkeypatch.setattr(phases, "neutral", lambda *given: neutral(*given).replace("(0)", "(1)"))
    program = pb.trace(lambda x: np.sum(x, axis=0), x="N 4")
    with pytest.raises(AssertionError):
        check(program, [GIVEN["x"]], 1e-9)


def test_places_in_an_axis_of_one_entry_are_left_to_the_reference():
    """NumPy raises for a place outside; loops have no such axis to look at."""
    for program in (
        pb.trace(lambda x, i: x[i], x="1 3", i="i8 K"),
        pb.trace(lambda x, i: np.take_along_axis(x, i, axis=0), x="1 3", i="i8 2 3"),
    ):
        with pytest.raises(NotCompilable, match="axis of length 1"):
            NativeExecutable(program)


def test_arrays_of_seven_axes_are_left_to_the_reference():
    program = pb.trace(lambda x: x + np.transpose(x), x="2 3 2 3 2 3 2")
    with pytest.raises(
        NotCompilable, match=r"^\w+ = \.\.\. cannot be compiled: there are loops over 6 axes"
    ):
        NativeExecutable(program)
    flat = pb.trace(lambda x: x + x.sum(axis=(0, 6)).mean(), x="2 2 2 2 2 2 2")
    with pytest.raises(
        NotCompilable, match=r"^\w+ = \.\.\. cannot be compiled: there are loops over 6 axes"
    ):
        NativeExecutable(flat)
    check(
        pb.trace(lambda x: x + x.sum(axis=1, keepdims=True), x="2 3 2 3 2 3"),
        [RANDOM.normal(size=(2, 3, 2, 3, 2, 3))],
        1e-12,
    )
