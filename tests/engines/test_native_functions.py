"""The native engine's elementary functions: right as they stand, and compiled; vectorized."""

import re
from types import FunctionType

import numpy as np
import pytest

from pullback.engines.native import functions
from pullback.primitives.helpers import random_uniform

ONE = "exp expm1 log log1p tanh sinh sin cos".split()
DTYPES = {"f4": np.float32, "f8": np.float64}
NAMES = [f"{name}_{dtype}" for name in ONE for dtype in DTYPES]
# The true value is NumPy's in the next wider format; a machine without one (its long double has 53
# digits) adds NumPy's own error.
WIDER = {"f4": np.float64, "f8": np.longdouble}
OF_NUMPY = 0.0 if np.finfo(np.longdouble).eps < 1e-18 else 1.0
BOUND = {  # as the docstrings say, in units of the last place
    **dict.fromkeys(["log_f4", "log_f8", "exp_f8", "sin_f8", "cos_f8", "power_f4"], 1.0),
    **dict.fromkeys(["log1p_f4", "log1p_f8", "tanh_f8", "sin_f4", "cos_f4", "power_f8"], 1.5),
    **dict.fromkeys(["expm1_f4", "expm1_f8", "sinh_f4", "sinh_f8"], 2.0),
    **{"exp_f4": 1.1, "tanh_f4": 2.5},
}

RANGES = {  # (from, to) where results are finite, near where formulas change, and near the zero
    "exp": {"f4": (-104, 88.7), "f8": (-745, 709.7), "near": (-1.5, 1.5)},
    "expm1": {"f4": (-20, 88.7), "f8": (-45, 709.7), "near": (-1.5, 1.5)},
    "sinh": {"f4": (-89.3, 89.3), "f8": (-710.3, 710.3), "near": (-1.5, 1.5)},
    "tanh": {"f4": (-10, 10), "f8": (-20, 20), "near": (-1.5, 1.5)},
    "sin": {"f4": (-9e4, 9e4), "f8": (-6e7, 6e7), "near": (-7, 7)},
    "cos": {"f4": (-9e4, 9e4), "f8": (-6e7, 6e7), "near": (-7, 7)},
    "log": {"f4": (1e-45, 3e38), "f8": (5e-324, 1e308), "near": (0.3, 3)},
    "log1p": {"f4": (1e-45, 3e38), "f8": (5e-324, 1e308), "near": (-0.999, 3)},
}
EDGES = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, -2.0, 1e-310, -1e-40, 1e-45, 5e-324]
EDGES += [1e30, -1e30, 1e300, -1e300, 88.8, 89.5, -104.5, 710.0, 711.0, -746.0, -87.5, -708.5]


def points(name: str, dtype: str, count: int) -> np.ndarray:
    """Numbers of the whole range of a function, near 0, and very near its zero."""
    rng = np.random.default_rng(5)
    low, high = RANGES[name][dtype]
    if name in ("log", "log1p"):
        wide = np.exp(rng.uniform(np.log(low), np.log(high), count))
    else:
        wide = rng.uniform(low, high, count)
    tiny = np.exp(rng.uniform(-40, 0, count)) * rng.choice([-0.9, 0.9], count)
    tiny = tiny + 1 if name == "log" else tiny
    return np.concatenate([wide, rng.uniform(*RANGES[name]["near"], count), tiny]).astype(dtype)


def assert_close(full: str, y: np.ndarray, *arguments: np.ndarray) -> None:
    """The largest error is within the function's bound."""
    true = expected(full.split("_")[0], *arguments)
    error = np.abs(y - true) / np.spacing(np.abs(true).astype(y.dtype))
    assert np.max(error) <= BOUND[full] + (OF_NUMPY if y.dtype == np.float64 else 0)


def as_it_stands(name: str, *arguments: np.ndarray) -> np.ndarray:
    function = getattr(functions, name)
    with np.errstate(all="ignore"):
        values = [function(*each) for each in zip(*arguments, strict=True)]
    assert {type(value) for value in values} == {arguments[0].dtype.type}
    return np.array(values)


def expected(name: str, *arguments: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        wide = [each.astype(WIDER[each.dtype.str[1:]]) for each in arguments]
        return getattr(np, name)(*wide)


def assert_as_numpy_at_edges(y: np.ndarray, true: np.ndarray) -> None:
    """Equal up to rounding; nan, infinities and the signs of zeros exactly."""
    with np.errstate(all="ignore"):
        rounded = true.astype(y.dtype)
    np.testing.assert_allclose(y, rounded, rtol=4 * np.finfo(y.dtype).eps, atol=0)
    number = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(y[number]), np.signbit(rounded[number]))


def angles(x: np.ndarray, name: str) -> np.ndarray:
    """Without the angles beyond `LARGEST_ANGLE`, which are not reduced."""
    beyond = np.isfinite(x) & (np.abs(x) > functions.LARGEST_ANGLE)
    return x[~beyond] if name in ("sin", "cos") else x


QUARTER = (np.longdouble(np.pi) + 1.2246467991473532e-16) / 2
# Float64 numbers that are very near to multiples of pi/2, from 2^-60.5 to 2^-53.5: found with the
# continued fractions of 2^k / pi.
NEAREST = [
    float.fromhex("0x1.6c6cbc45dc8dep+5"),
    float.fromhex("0x1.b951f1572eba5p+23"),
    float.fromhex("0x1.b951f1572eba5p+26"),
    float.fromhex("0x1.065c829d68730p+39"),
    float.fromhex("0x1.7512069b7430dp+47"),
    float.fromhex("0x1.7512069b7430dp+49"),
]


def large_angles(dtype: str, count: int) -> np.ndarray:
    """Angles of all sizes up to 2^50, and seconds since 1970; very near to multiples of pi/2, and
    halfway between them: for the largest, and where multiples of 2^24 quarters begin to be taken.
    """
    rng = np.random.default_rng(8)
    sizes = np.exp2(rng.uniform(-30, 50, count))
    seconds = rng.uniform(1.6e9, 1.9e9, count)
    near = np.floor(np.exp2(rng.uniform(0, 49, count))) * QUARTER
    between = (np.floor(rng.uniform(2**48, 2**49, count)) + 0.5) * QUARTER
    multiples = (np.floor(np.exp2(rng.uniform(0, 25, count))) + 0.5) * 2**24 * QUARTER
    x = np.concatenate([sizes, seconds, near, NEAREST, between, multiples, [2.0**50]])
    return np.concatenate([x, -x]).astype(dtype)


@pytest.mark.parametrize("full", NAMES)
def test_right_as_it_stands(full):
    name, dtype = full.split("_")
    x = points(name, dtype, 40)
    assert_close(full, as_it_stands(full, x), x)
    edges = angles(with_edges(dtype), name)
    assert_as_numpy_at_edges(as_it_stands(full, edges), expected(name, edges))


def with_edges(dtype: str) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.array(EDGES).astype(dtype)


CIRCULAR = ["sin_f4", "sin_f8", "cos_f4", "cos_f8"]


@pytest.mark.parametrize("full", CIRCULAR)
def test_large_angles_are_right_as_they_stand(full):
    x = large_angles(full[-2:], 40)
    assert_close(full, as_it_stands(full, x), x)


@pytest.mark.parametrize("full", CIRCULAR)
def test_an_angle_beyond_the_largest_gives_no_number(full):
    largest = DTYPES[full[-2:]](functions.LARGEST_ANGLE)
    x = np.array([largest, -largest, np.nextafter(largest, np.inf), -largest * 2])
    assert np.isnan(as_it_stands(full, x)).tolist() == [False, False, True, True]


def pairs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers x > 0 and y of which x to the power y is in the range of the dtype."""
    rng = np.random.default_rng(6)
    log_range = 80.0 if dtype == "f4" else 700.0
    x = np.exp(np.concatenate([rng.uniform(-3, 3, 100), rng.uniform(-80, 80, 50)])).astype(dtype)
    near = (1 + np.exp(rng.uniform(-14, -1, 50)) * rng.choice([-1, 1], 50)).astype(dtype)
    x = np.concatenate([x, near[near != 1]])
    y = (rng.uniform(-1, 1, len(x)) * log_range / np.log(x.astype("f8"))).astype(dtype)
    return x, y


def edge_pairs(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    edges = [np.nan, np.inf, 0.0, 1.0, 2.0, 3.0, 0.5, 2.5, 1e-310, 5e-324, 1e300, 2.0**53]
    with np.errstate(all="ignore"):
        edges = np.array(edges + [-each for each in edges[1:]]).astype(dtype)
    x, y = np.meshgrid(edges, edges)
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_are_right_as_they_stand(dtype):
    x, y = pairs(dtype)
    assert_close(f"power_{dtype}", as_it_stands(f"power_{dtype}", x, y), x, y)
    x, y = edge_pairs(dtype)
    assert_as_numpy_at_edges(as_it_stands(f"power_{dtype}", x, y), expected("power", x, y))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "u1"])
def test_choices_are_those_of_numpy_in_every_dtype(dtype):
    values = [np.nan, np.inf, -np.inf, -1.5, 0.0, 2.5] if dtype[0] == "f" else [0, 1, 7]
    values = [*values, -3] if dtype[0] == "i" else values
    a, b = (each.ravel() for each in np.meshgrid(*[np.array(values, dtype)] * 2))
    for name in ("maximum", "minimum"):
        np.testing.assert_array_equal(as_it_stands(name, a, b), getattr(np, name)(a, b))
    for name in ("sign", "floor") if dtype[0] == "f" else ("sign",):
        np.testing.assert_array_equal(as_it_stands(name, a), getattr(np, name)(a))


KEYS = [(7, 0, 1, 0), (2**63 - 1, 2**32 - 1, 12, 2**32 - 20)]  # seed, step, operation, first place


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("key", KEYS)
def test_random_numbers_have_the_bits_of_the_reference(key, dtype):
    seed, step, operation, first = key
    k0, k1 = functions.random_key(seed, step, operation)
    uniform = getattr(functions, f"uniform_{dtype}")
    drawn = np.array([uniform(k0, k1, first + i) for i in range(40)])
    wanted = random_uniform(seed, step, first, operation, (40,), np.dtype(dtype))
    np.testing.assert_array_equal(drawn, wanted, strict=True)


# ------------------------------------------------------------------------------------- compiled

# The caller may reorder its own sums; the functions must not take part in that.
CALLER = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}


@pytest.fixture(scope="module")
def compiled():
    """A function of arrays: the loop that calls a function for each entry, compiled."""
    numba = pytest.importorskip("numba")
    # Copies, since the engine registers the functions themselves, in its own way.
    common = {}
    for each in functions.EVERY:
        common |= each.__globals__
    for each in functions.EVERY:
        common[each.__name__] = FunctionType(each.__code__, common, each.__name__)
        numba.extending.register_jitable(**functions.OPTIONS)(common[each.__name__])

    def compile_loop(call: str):
        scope = dict(common)
        text = f"def loop(x, y, out, k0, k1, first):\n for i in range(len(out)): out[i] = {call}"
        exec(text, scope)
        return numba.njit(**CALLER)(scope["loop"])

    return compile_loop


def run(loop, x, y=None, key=(0, 0), first=0) -> np.ndarray:
    out = np.empty_like(x)
    loop(x, x if y is None else y, out, *key, first)
    return out


def assert_vectorized(loop) -> None:
    """The loop vectorizer of LLVM calls the body that it made "vector.body"."""
    (text,) = loop.inspect_llvm().values()
    assert re.search(r"^vector\.body\d*:", text, re.MULTILINE)
    assert not re.search(r"call [^@]*@(?:llvm\.)?(?:exp|log|pow|sin|cos|tanh)", text)


@pytest.mark.parametrize("full", NAMES)
def test_right_and_vectorized_when_compiled(compiled, full):
    name, dtype = full.split("_")
    loop = compiled(f"{full}(x[i])")
    x, edges = points(name, dtype, 4000), angles(with_edges(dtype), name)
    assert_close(full, run(loop, x), x)
    assert_as_numpy_at_edges(run(loop, edges), expected(name, edges))
    assert_vectorized(loop)


@pytest.mark.parametrize("full", CIRCULAR)
def test_large_angles_are_right_when_compiled(compiled, full):
    x = large_angles(full[-2:], 4000)
    assert_close(full, run(compiled(f"{full}(x[i])"), x), x)


@pytest.mark.parametrize("full", CIRCULAR)
def test_a_large_angle_is_rounded_before_its_sine_is_taken(compiled, full):
    """A product that is an angle is rounded, as by NumPy, and not fused into the reduction."""
    x = large_angles(full[-2:], 400) / 3
    y = np.full_like(x, 3)
    assert_close(full, run(compiled(f"{full}(x[i] * y[i])"), x, y), x * y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_are_right_and_vectorized_when_compiled(compiled, dtype):
    loop = compiled(f"power_{dtype}(x[i], y[i])")
    x, y = pairs(dtype)
    assert_close(f"power_{dtype}", run(loop, x, y), x, y)
    x, y = edge_pairs(dtype)
    assert_as_numpy_at_edges(run(loop, x, y), expected("power", x, y))
    assert_vectorized(loop)


@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_random_numbers_have_the_bits_of_the_reference(compiled, dtype):
    seed, step, operation, first = KEYS[1]
    loop = compiled(f"uniform_{dtype}(k0, k1, first + i)")
    key = functions.random_key(seed, step, operation)
    drawn = run(loop, np.empty(100, dtype), key=key, first=first)
    wanted = random_uniform(seed, step, first, operation, (100,), np.dtype(dtype))
    np.testing.assert_array_equal(drawn, wanted, strict=True)
    assert_vectorized(loop)


def test_the_compiled_key_has_the_bits_of_the_reference(compiled):
    loop = compiled("random_key(x[0], x[1], x[2])[i]")
    key = np.empty(2, np.uint32)
    for numbers in KEYS:
        loop(np.array(numbers[:3]), key, key, 0, 0, 0)
        assert tuple(key) == functions.random_key(*numbers[:3])


def test_choices_are_vectorized(compiled):
    values = np.array([np.nan, 5, 0, 3, -7], np.float32)
    x, y = (each.ravel() for each in np.meshgrid(values, values))
    loop = compiled("maximum(x[i], minimum(y[i], sign(floor(x[i]))))")
    wanted = np.maximum(x, np.minimum(y, np.sign(x)))
    np.testing.assert_array_equal(run(loop, x, y), wanted, strict=True)
    assert_vectorized(loop)


def test_a_call_that_a_loop_cannot_look_into_is_seen(compiled):
    loop = compiled("x[i] ** y[i]")
    run(loop, np.ones(4))
    with pytest.raises(AssertionError):
        assert_vectorized(loop)
