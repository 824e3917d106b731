"""Sums over rows, as plain Python and as machine code, and where kernels use them."""

import numpy as np
import pytest

import pullback as pb
from pullback.engines.native import sums
from pullback.engines.native.execution import NativeExecutable
from pullback.engines.native.machine import load_plain
from pullback.trees import flatten

# Rows and columns: none, one, whole and ragged vectors, several at once, rows left over.
SHAPES = [(0, 4), (1, 1), (3, 33), (7, 5), (64, 47), (13, 8), (50, 16), (2, 100), (321, 32)]


@pytest.fixture(scope="module", params=["plain", "compiled"])
def add_rows(request):
    if request.param == "plain":
        return sums.add_rows
    numba = pytest.importorskip("numba")
    sums.register()
    machine_form = sums.add_rows

    @numba.njit(nogil=True, error_model="numpy")
    def call(out, a, lo, hi):
        machine_form(out, a, lo, hi)

    return call


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_numpy(add_rows, shape, dtype):
    random = np.random.default_rng(0)
    rows, columns = shape
    a = random.standard_normal((rows + 3, columns)).astype(dtype)
    a[[0, -2, -1]] = np.nan  # rows that do not count
    before = random.standard_normal(columns + 1).astype(dtype)
    out = before.copy()
    add_rows(out[:-1], a, 1, 1 + rows)
    exact = before[:-1] + a[1 : 1 + rows].astype("f8").sum(axis=0)
    scale = np.abs(before[:-1]) + np.abs(a[1 : 1 + rows]).astype("f8").sum(axis=0)
    assert np.all(np.abs(out[:-1] - exact) <= (rows + 1) * np.finfo(dtype).eps * scale)
    assert out[-1] == before[-1]  # beyond the end nothing is written


def emitted(function, **axes):
    """The emitted source, and what it gives for these arguments beside the reference."""
    program = pb.trace(function, **axes)
    native = NativeExecutable(program, lambda source, entry, _: load_plain(source)[entry], 1)
    return native, pb.compile(program)


def backward(x, dh, W):
    dz = dh * (1.0 - x * x)
    return dz @ W, np.sum(dz, axis=0)


def forward(x, dh, W):
    z = (x + dh) @ W
    return np.maximum(z, 0.0), np.sum(z, axis=0)


@pytest.mark.parametrize("function", [backward, forward])
def test_a_matrix_that_lies_in_memory_is_summed_behind_the_loop(function):
    native, reference = emitted(function, x="N 3", dh="N 3", W="3 2")
    assert native.engine_source.count("    add_rows(") == 1
    random = np.random.default_rng(1)
    given = random.normal(size=(5, 3)), random.normal(size=(5, 3)), random.normal(size=(3, 2))
    for one, other in zip(native(*given), reference(*given), strict=True):
        assert np.allclose(one, other, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.sum(x * 2.0, axis=0),  # of what no memory holds
        lambda x: np.sum(np.sum(x * 2.0, axis=1)),
        lambda x: (x * 2.0, np.sum(x * 2.0, axis=1)),  # along rows
        lambda x: (x * 2.0, np.max(x * 2.0, axis=0)),
        lambda x: (x > 0, np.sum(x > 0, axis=0)),  # a count
    ],
)
def test_other_sums_stay_in_the_loop(function):
    native, reference = emitted(function, x="N 3")
    assert "    add_rows(" not in native.engine_source
    x = np.random.default_rng(2).normal(size=(4, 3))
    for one, other in zip(flatten(native(x))[0], flatten(reference(x))[0], strict=True):
        assert np.allclose(one, other, rtol=1e-13, atol=1e-14)
