"""Products of the native engine against NumPy, as plain Python and as machine code."""

import contextlib
import ctypes
import mmap
import os
import re
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest

from pullback.engines.native import blocks, blocks_code, products

OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}
# rows, contraction, columns: lengths 0 and 1, tiles of every number of rows, panels of every kind
# of edge, several blocks of columns, rows and contraction.
SHAPES = [
    (0, 3, 2), (3, 0, 2), (3, 2, 0), (1, 1, 1), (1, 20, 16), (2, 3, 7), (3, 5, 8), (4, 9, 9),
    (5, 16, 10), (6, 17, 15), (7, 2, 16), (8, 33, 17), (11, 46, 46), (13, 45, 45), (12, 4, 31),
    (32, 64, 2), (31, 65, 3), (40, 30, 130), (30, 300, 70), (1, 513, 40), (200, 257, 24),
    (1, 5, 4100), (70, 20, 4), (9, 700, 20), (70, 330, 800), (5, 11, 790),
]  # fmt: skip


def frame(rows, length, share=0.4):
    """Zeros about a drawing: in the same steps of all rows, and here and there inside."""
    random = np.random.default_rng(rows)
    everywhere = random.random(length) > share
    return everywhere | (random.random((rows, length)) < 0.2)


# Shapes for which zeros are looked for, where they are: in tiles of each number of rows, panels in
# pairs, alone and ragged, several blocks of rows and of the contraction, rows packed or not;
# almost all, all.
ZEROS = [
    ((48, 32, 64), frame(48, 32)), ((53, 33, 70), frame(53, 33)), ((97, 130, 128), frame(97, 130)),
    ((250, 700, 96), frame(250, 700)), ((130, 330, 800), frame(130, 330)),
    ((50, 64, 66), np.ones((50, 64), bool)), ((49, 40, 64), frame(49, 40, 0.02)),
    ((1, 64, 40), frame(1, 64)), ((2, 700, 4100), frame(2, 700)),
    ((51, 40, 80), frame(51, 40)), ((52, 50, 119), frame(52, 50)), ((49, 320, 72), frame(49, 320)),
]  # fmt: skip


@pytest.fixture(scope="module")
def jitted():
    """The three products compiled, as the emitted module compiles them."""
    numba = pytest.importorskip("numba")
    pytest.importorskip("scipy")
    blocks.register()
    return SimpleNamespace(
        **{name: numba.njit(**OPTIONS)(getattr(products, name)) for name in products.__all__}
    )


def operands(shape, dtype, random, zeros=None):
    """The arguments of the three products of one shape, and what each adds up to.

    `zeros` says where the first factor is zero.
    """
    rows, length, columns = shape
    a = random.standard_normal((rows, length)).astype(dtype)
    a = a if zeros is None else np.where(zeros, signed_zeros(random, a.shape, dtype), a)
    b = random.standard_normal((length, columns)).astype(dtype)
    exact = a.astype("f8") @ b.astype("f8")
    scale = np.abs(a).astype("f8") @ np.abs(b).astype("f8")
    turned = [np.ascontiguousarray(each.T) for each in (a, b)]
    # The transposed a has more rows than are used: those must not count.
    longer = np.concatenate([turned[0], np.full((2, rows), np.nan, dtype)])
    b_longer = np.concatenate([b, np.full((2, columns), np.nan, dtype)])
    return (
        exact,
        scale,
        [
            ("product_nn", (a, b), ()),
            ("product_nt", (a, turned[1]), ()),
            ("product_tn", (longer, b_longer), (length,)),
        ],
    )


def signed_zeros(random, shape, dtype):
    return np.copysign(np.zeros(shape, dtype), random.standard_normal(shape)).astype(dtype)


def multiply(functions, name, out, matrices, lo, hi, n, add, finite=False):
    """Call one of the products; that of two upright matrices may know that b is finite."""
    known = (finite,) if name == "product_nn" else ()
    getattr(functions, name)(out, *matrices, lo, hi, *n, add, *known)


def check(functions, shape, dtype, lo, hi, add, random, zeros=None):
    exact, scale, calls = operands(shape, dtype, random, zeros)
    # Sums of K terms round at most K + 1 times, each by half a unit of the terms' absolute sum.
    bound = (shape[1] + 2) * np.finfo(dtype).eps * (scale + 2)
    for name, matrices, n in calls:
        before = random.uniform(1, 2, exact.shape).astype(dtype)
        out = before.copy()
        multiply(functions, name, out, matrices, lo, hi, n, add)
        wanted = before.astype("f8")
        wanted[lo:hi] = exact[lo:hi] + (wanted[lo:hi] if add else 0)
        assert np.all(np.abs(out - wanted) <= bound), (name, shape, dtype, lo, hi, add)
        outside = np.delete(np.arange(len(out)), slice(lo, hi))
        assert np.array_equal(out[outside], before[outside])


def cases():
    for (shape, dtype), add in product(product(SHAPES, ("f4", "f8")), (False, True)):
        rows = shape[0]
        for lo, hi in {(0, rows), (rows // 3, rows - rows // 4), (rows, rows)}:
            yield shape, dtype, lo, hi, add


def test_plain_products_are_those_of_numpy():
    random = np.random.default_rng(0)
    for case in cases():
        check(products, *case, random)


def test_compiled_products_are_those_of_numpy(jitted):
    random = np.random.default_rng(1)
    for case in cases():
        check(jitted, *case, random)
    for (shape, zeros), dtype, add in product(ZEROS, ("f4", "f8"), (False, True)):
        check(jitted, shape, dtype, 0, shape[0], add, random, zeros)


def test_the_bits_of_a_row_do_not_depend_on_how_rows_are_cut(jitted):
    random = np.random.default_rng(2)
    for shape, dtype in product(((61, 300, 150), (61, 64, 2), (61, 40, 10)), ("f4", "f8")):
        _, _, calls = operands(shape, dtype, random)
        for name, matrices, n in calls:
            whole, cut = np.zeros((2, shape[0], shape[2]), dtype)
            multiply(jitted, name, whole, matrices, 0, 61, n, False)
            for lo, hi in ((0, 1), (1, 9), (9, 30), (30, 61)):
                multiply(jitted, name, cut, matrices, lo, hi, n, False)
            assert np.array_equal(whole, cut), (name, shape, dtype)


def before_a_wall(array):
    """A copy that ends where a page begins that nobody may read."""
    page = mmap.PAGESIZE
    room = -(-max(array.nbytes, 1) // page) * page
    memory = mmap.mmap(-1, room + page)
    place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(place + room), page, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, room - array.nbytes).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child of this process does the reading")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_nothing_beyond_a_matrix_is_read(jitted):
    random, plain = np.random.default_rng(3), [(shape, None) for shape in SHAPES]
    child = os.fork()
    if child == 0:  # whoever reads beyond the end is killed
        with contextlib.suppress(BaseException):
            for (shape, zeros), dtype in product([*plain, *ZEROS], ("f4", "f8")):
                for name, matrices, n in operands(shape, dtype, random, zeros)[2]:
                    used = [each[: n[0]] for each in matrices] if n else matrices
                    out = before_a_wall(np.zeros((shape[0], shape[2]), dtype))
                    walled = [before_a_wall(each) for each in used]
                    multiply(jitted, name, out, walled, 0, shape[0], n, True)
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_stood_in_the_result_is_not_read_unless_added(jitted):
    a, b = np.ones((7, 5), "f4"), np.ones((5, 18), "f4")
    out = np.full((7, 18), np.nan, "f4")
    jitted.product_nn(out, a, b, 0, 7, False, False)
    assert np.all(out == 5)


@pytest.mark.parametrize(("dtype", "suffix"), [("f4", "ps"), ("f8", "pd")])
def test_the_sums_of_a_tile_stay_in_registers(dtype, suffix):
    binding = pytest.importorskip("llvmlite.binding")
    if not binding.get_host_cpu_features().get("fma"):
        pytest.skip("this processor has no fused multiply-add of x86")
    code = blocks_code.target().emit_assembly(blocks_code.module_of(dtype))
    loops = re.findall(r"\n(\.LBB\S+):\n((?:(?!\n\.LBB).)*?)\n\tj\w+\t\1\n", code, re.DOTALL)
    packed = rf"\tvfmadd\d+{suffix}\t.*%[yz]mm"
    of_six_rows = [body for _, body in loops if len(re.findall(packed, body)) == 12]
    assert of_six_rows
    assert not any("%rsp" in body for body in of_six_rows)


def test_other_arrays_are_refused(jitted):
    numba = pytest.importorskip("numba")
    whole = np.zeros((4, 4), "i4")
    with pytest.raises(numba.core.errors.TypingError, match="float32"):
        jitted.product_nn(whole, whole, whole, 0, 4, False, False)


def in_parts(jitted, name, shape, dtype, matrices, n):
    """A product of so few rows at a time that zeros are not looked for."""
    out = np.zeros((shape[0], shape[2]), dtype)
    for lo in range(0, shape[0], 20):
        multiply(jitted, name, out, matrices, lo, min(lo + 20, shape[0]), n, False)
    return out


def bits(array):
    return array.view(f"u{array.itemsize}")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_leaving_out_zeros_changes_no_bit(jitted, dtype):
    random = np.random.default_rng(4)
    tiny = np.finfo(dtype).tiny
    for shape, zeros in ZEROS:
        _, _, calls = operands(shape, dtype, random, zeros)
        for name, matrices, n in calls:
            for scale in (1, tiny):  # the products of tiny numbers are 0 or -0
                factors = [each * np.asarray(scale, dtype) for each in matrices]
                parts = in_parts(jitted, name, shape, dtype, factors, n)
                for finite in (False, True):
                    out = np.zeros_like(parts)
                    multiply(jitted, name, out, factors, 0, shape[0], n, False, finite)
                    assert np.array_equal(bits(out), bits(parts)), (name, shape, scale)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_zeros_times_what_is_not_finite_are_nan(jitted, dtype, bad):
    random = np.random.default_rng(5)
    shape, zeros = (97, 130, 128), frame(97, 130)
    zeros[:, 41] = True
    for name, matrices, n in operands(shape, dtype, random, zeros)[2]:
        factors = [each.copy() for each in matrices]
        step = (70, 41) if name == "product_nt" else (41, 70)
        factors[1][step] = bad
        out = np.zeros((97, 128), dtype)
        multiply(jitted, name, out, factors, 0, 97, n, False)
        assert np.isnan(out[:, 70]).all(), name
        assert np.isfinite(np.delete(out, 70, axis=1)).all(), name


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nan_among_zeros_is_no_zero(jitted, dtype):
    random = np.random.default_rng(6)
    shape, zeros = (97, 130, 128), frame(97, 130)
    for name, matrices, n in operands(shape, dtype, random, zeros)[2]:
        factors = [each.copy() for each in matrices]
        place = (3, 60) if name == "product_tn" else (60, 3)
        factors[0][:3] = 0
        factors[0][place] = np.nan
        out = np.zeros((97, 128), dtype)
        multiply(jitted, name, out, factors, 0, 97, n, False, True)
        assert np.isnan(out[60]).all(), name
        assert np.isfinite(np.delete(out, 60, axis=0)).all(), name


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("shape", [(97, 130, 128), (1, 130, 40), (2, 64, 5000), (128, 320, 1024)])
def test_zeros_are_left_out_where_b_is_known_to_be_finite(jitted, dtype, shape):
    # Told so wrongly, the product shows which steps it has taken.
    zeros = frame(shape[0], shape[1])
    zeros[:, 7] = True
    _, _, calls = operands(shape, dtype, np.random.default_rng(7), zeros)
    name, (a, b), n = calls[0]
    b[7] = np.nan
    out = np.zeros((shape[0], shape[2]), dtype)
    multiply(jitted, name, out, (a, b), 0, shape[0], n, False, True)
    assert np.isfinite(out).all()


def test_few_zeros_are_not_left_out(jitted):
    zeros = frame(96, 128, share=0.9)
    zeros[:, 7] = True
    _, _, calls = operands((96, 128, 128), "f4", np.random.default_rng(8), zeros)
    name, (a, b), n = calls[0]
    b[7] = np.nan
    out = np.zeros((96, 128), "f4")
    multiply(jitted, name, out, (a, b), 0, 96, n, False, True)
    assert np.isnan(out).all()
