"""pb.compile: when a function is traced again, and what a compiled program refuses."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ProgramError, UsageError


def forward(x, W, b):
    return np.tanh(x @ W + b)


W = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.7]])
B = np.array([0.1, -0.1])


def rows(count, dtype="f8"):
    return np.random.default_rng(count).normal(size=(count, 3)).astype(dtype)


@pytest.fixture
def program():
    return pb.compile(pb.trace(forward, x="N D", W="D H", b="H"))


def test_a_function_is_traced_once_for_all_batch_sizes():
    compiled = pb.compile(forward)
    for count in (5, 7, 2, 3, 64):
        assert np.array_equal(compiled(rows(count), W, B), forward(rows(count), W, B))
    assert len(compiled.programs) == 1


def test_other_dtypes_and_ranks_are_traced_again():
    compiled = pb.compile(forward)
    calls = [
        (rows(5), W, B),
        (rows(5, "f4"), W.astype("f4"), B.astype("f4")),
        (rows(5)[0], W, B),
        (rows(5), W, 0.5),
        (rows(5), W, np.float64(0.5)),
        (rows(5), W, 3),
    ]
    for count, call in enumerate(calls, start=1):
        for _ in range(2):
            result = compiled(*call)
            assert np.array_equal(result, forward(*call))
            assert result.dtype == forward(*call).dtype
        assert len(compiled.programs) == count


def test_axes_of_equal_length_are_one_until_a_call_shows_that_they_differ():
    compiled = pb.compile(lambda x, y: np.sum(x, axis=0) + np.sum(y, axis=0))
    assert compiled(np.ones((4, 2)), np.ones((4, 2))).tolist() == [8.0, 8.0]
    assert len(compiled.programs) == 1
    assert compiled(np.ones((4, 2)), np.ones((6, 2))).tolist() == [10.0, 10.0]
    assert len(compiled.programs) == 2
    assert compiled(np.ones((5, 3)), np.ones((7, 3))).tolist() == [12.0] * 3
    assert compiled(np.ones((5, 2)), np.ones((5, 2))).tolist() == [10.0, 10.0]
    assert len(compiled.programs) == 2


def test_lengths_that_are_compared_get_a_program_each():
    def f(x, y):
        return x + y if x.shape == y.shape else np.sum(x) + np.sum(y)

    compiled = pb.compile(f)
    assert compiled(np.ones(3), np.ones(3)).tolist() == [2.0] * 3
    assert compiled(np.ones(2), np.ones(3)) == 5.0
    assert compiled(np.ones(4), np.ones(4)).tolist() == [2.0] * 4
    assert compiled(np.ones(3), np.ones(2)) == 5.0


def test_a_captured_array_that_meets_an_axis_compiles():
    X, y = np.arange(6.0).reshape(3, 2), np.ones(3)
    compiled = pb.compile(lambda W: np.sum((X @ W - y) ** 2))
    W = np.array([0.5, -1.0])
    assert np.isclose(compiled(W), np.sum((X @ W - y) ** 2), rtol=1e-15)


def test_numbers_are_inputs_and_trace_nothing_again():
    compiled = pb.compile(lambda x, rate, step: x * rate**step)
    for rate, step in [(0.5, 1), (0.25, 2), (0.1, 3)]:
        assert np.allclose(compiled(np.ones(3), rate, step), rate**step)
        assert compiled(np.ones(3, "f4"), rate, step).dtype == np.float32
    assert len(compiled.programs) == 2


def test_words_and_flags_choose_the_program():
    def f(x, mode="sum", twice=False):
        total = np.sum(x) if mode == "sum" else np.mean(x)
        return 2 * total if twice else total

    compiled = pb.compile(f)
    assert compiled(np.ones(4)) == 4.0
    assert compiled(np.ones(4), mode="mean") == 1.0
    assert compiled(np.ones(4), twice=True) == 8.0
    assert compiled(np.ones(9)) == 9.0
    assert len(compiled.programs) == 3


def test_containers_with_equal_leaf_names():
    def f(params, state):
        return {"W": params["W"] + state["W"], "n": state["n"] + 1}

    compiled = pb.compile(f)
    for size in (2, 4):
        result = compiled({"W": np.ones(size)}, {"W": np.full(size, 2.0), "n": size})
        assert result["W"].tolist() == [3.0] * size
        assert result["n"] == size + 1
    assert len(compiled.programs) == 1


def test_a_compiled_function_has_the_gradient_of_the_function():
    compiled = pb.compile(lambda x, W: pb.grad(lambda W: np.sum(np.tanh(x @ W)))(W))
    for count in (4, 6):
        expected = pb.grad(lambda W: np.sum(np.tanh(rows(count) @ W)))(W)  # noqa: B023
        assert np.allclose(compiled(rows(count), W), expected, rtol=1e-13)
    assert len(compiled.programs) == 1


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_one_program_serves_every_batch_size(program, count):
    assert np.array_equal(program(rows(count), W, B), forward(rows(count), W, B))


def test_a_batch_of_one_row_is_a_batch():
    def loss(x, y, W):
        p = x @ W
        return np.mean((p - y) ** 2) + np.sum(np.std(x, axis=1, keepdims=True) * p)

    step = pb.compile(pb.grad(pb.trace(loss, x="N D", y="N H", W="D H"), wrt=["W", "x"]))
    for count in (1, 4):
        x, y = rows(count), np.ones((count, 2))
        for left, right in zip(step(x, y, W), pb.grad(loss, ["W", "x"])(x, y, W), strict=True):
            assert left.shape == right.shape
            assert np.allclose(left, right, rtol=1e-12)


def test_a_program_is_compiled_once():
    program = pb.trace(forward, x="N D", W="D H", b="H")
    assert pb.compile(program) is pb.compile(program)


def test_positions_and_names_mean_the_same(program):
    x = rows(2)
    expected = forward(x, W, B)
    assert np.array_equal(program(x=x, W=W, b=B), expected)
    assert np.array_equal(program(x, b=B, W=W), expected)
    assert np.array_equal(program(x, W, B), expected)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((rows(2), W), {}, "forward(x, W, b): 'b' is missing"),
        ((rows(2), W, B, B), {}, "too many arguments"),
        ((rows(2), W, B), {"c": B}, "'c' is not an argument"),
        ((rows(2, "f4"), W, B), {}, "x is float32, the program was traced for float64"),
        ((rows(2), W, np.array([1, 2])), {}, "b is int64"),
        ((rows(2), W, np.array(["a", "b"])), {}, "b is <U1"),
        ((rows(2)[0], W, B), {}, "x has shape (3,), expected (N, D)"),
        ((rows(2), W[:2], B), {}, "W has shape (2, 2), expected (D, H) with D = 3"),
        ((rows(2), W, np.ones(3)), {}, "b has shape (3,), expected (H,) with H = 2"),
        ((rows(2), W, {"b": B}), {}, "b does not have the structure"),
        ((rows(2), W, 0.5), {}, "b has shape ()"),
        ((rows(2), W, None), {}, "b is object"),
    ],
)
def test_what_does_not_fit_is_named(program, args, kwargs, message):
    with pytest.raises(ProgramError) as caught:
        program(*args, **kwargs)
    assert message in str(caught.value)


def test_two_lengths_for_one_axis_are_told_with_its_name():
    program = pb.compile(pb.trace(lambda x, y: x - y, x="N D", y="N D"))
    with pytest.raises(ProgramError, match=r"y has shape \(5, 3\), expected \(N, D\) with N = 4"):
        program(np.ones((4, 3)), np.ones((5, 3)))


def test_a_fixed_length_is_checked():
    program = pb.compile(pb.trace(lambda x: x * 2, x="N 3"))
    with pytest.raises(ProgramError, match=r"expected \(N, 3\)"):
        program(np.ones((3, 4)))


def test_a_length_that_follows_from_others_is_checked():
    program = pb.compile(pb.trace(lambda x, y: x[1:] * y, x="N", y="N-1"))
    assert program(np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0])).tolist() == [8.0, 15.0]
    with pytest.raises(ProgramError, match="N-1 = 2"):
        program(np.ones(3), np.ones(3))


def test_a_leaf_is_named_as_the_caller_reaches_it():
    program = pb.compile(
        pb.trace(lambda p: p["layers"][0]["W"] * 2, p={"layers": [{"W": "N", "b": "N"}]})
    )
    with pytest.raises(ProgramError, match=r"p\['layers'\]\[0\]\['b'\] has shape \(3,\)"):
        program({"layers": [{"W": np.ones(2), "b": np.ones(3)}]})
    with pytest.raises(ProgramError, match="structure"):
        program({"layers": [{"W": np.ones(2)}]})


@pytest.mark.parametrize("value", ["0.5", None, [0.5], np.ones(2)])
def test_a_number_must_be_one_number(value):
    program = pb.compile(pb.trace(lambda x, rate: x * rate, x="N", rate="float"))
    with pytest.raises(ProgramError, match="rate"):
        program(np.ones(2), value)


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), True])
def test_a_number_of_any_type_is_taken(value):
    program = pb.compile(pb.trace(lambda x, rate: x * rate, x="f4 N", rate="float"))
    result = program(np.ones(2, "f4"), value)
    assert result.dtype == np.float32
    assert result.tolist() == [float(value)] * 2


def test_a_fraction_for_a_whole_number_is_refused():
    program = pb.compile(pb.trace(lambda x, n: x * n, x="N", n="int"))
    assert program(np.ones(1), 3).tolist() == [3.0]
    with pytest.raises(ProgramError, match="n"):
        program(np.ones(1), 2.5)


def test_captured_arrays_are_copied_and_named():
    weights = np.array([1.0, 2.0])
    program = pb.trace(lambda x: np.sum(x * weights), x="2")
    weights[0] = 100.0
    assert pb.compile(program)(np.ones(2)) == 3.0
    assert [program.names[var] for var in program.inputs] == ["x", "weights"]
    assert "weights=weights" in program.to_numpy()
    (default,) = program.defaults.values()
    assert not default.flags.writeable


def test_an_array_that_changes_between_two_uses_is_captured_twice():
    weights = np.array([1.0, 2.0])

    def f(x):
        first = np.sum(x * weights)
        weights[0] = 10.0
        return first + np.sum(x * weights)

    assert pb.compile(pb.trace(f, x="2"))(np.ones(2)) == 3.0 + 12.0


@pytest.mark.parametrize("argument", [np.array(["a"]), {1, 2}, np.array([None])])
def test_an_argument_that_cannot_choose_a_program_is_refused(argument):
    with pytest.raises(UsageError, match="cannot be an argument"):
        pb.compile(lambda x, other: np.sum(x))(rows(2), argument)


def test_numbers_in_another_byte_order_are_taken():
    x = rows(2).astype(">f8")
    compiled = pb.compile(forward)
    assert np.array_equal(compiled(x, W, B), forward(x, W, B))
    program = pb.compile(pb.trace(forward, x="N D", W="D H", b="H"))
    assert np.array_equal(program(x, W, B), forward(x, W, B))


def test_the_engine_is_named():
    assert pb.compile(forward, engine="reference")(rows(2), W, B).shape == (2, 2)
    with pytest.raises(UsageError, match="'reference'"):
        pb.compile(forward, engine="warp")


def test_a_traceback_shows_the_emitted_line(program):
    import traceback

    with pytest.raises(ValueError, match="matmul") as caught:
        program.flat(rows(2), W.T, B)
    assert "x @ W" in "".join(traceback.format_exception(caught.value))
