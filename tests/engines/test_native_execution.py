"""Programs called natively: what goes in and comes out, threads, and what is refused.

Most tests run the emitted loops as they stand; those with `machine` run one compiled program.
"""

import multiprocessing
import os
import threading

import numpy as np
import pytest

import pullback as pb
from pullback import compiling
from pullback.engines import choice
from pullback.engines.native import NotCompilable, calls, machine, modules
from pullback.engines.native.execution import NativeExecutable
from pullback.errors import ProgramError, UsageError

RANDOM = np.random.default_rng(0)


def plain(source, entry, arguments):
    return machine.load_plain(source)[entry]


def as_it_stands(function, **axes):
    program = pb.trace(function, **axes)
    return NativeExecutable(program, plain, 1), pb.compile(program)


def same(got, want):
    assert type(got) is type(want)
    assert np.asarray(got).dtype == np.asarray(want).dtype
    assert np.shape(got) == np.shape(want)
    assert np.allclose(got, want, rtol=1e-12, atol=1e-14)


CAPTURED = RANDOM.normal(size=3)


def forward(x, W, gain=0.5):
    z = x @ W + CAPTURED
    return {
        "h": np.tanh(z) * gain,
        "again": [x, np.tanh(z) * gain],
        "best": np.argmax(z, axis=1),
        "above": z > 0,
        "sum": np.sum(z),
        "twice": gain * 2,
    }


@pytest.fixture(scope="module")
def pair():
    return as_it_stands(forward, x="N 2", W="2 3", gain=0.5)


def test_results_are_those_of_the_reference_engine(pair):
    native, reference = pair
    W = RANDOM.normal(size=(2, 3))
    for rows in (1, 5, 2, 300):
        x = RANDOM.normal(size=(rows, 2))
        got, want = native(x, W, 0.25), reference(x, W, 0.25)
        assert list(got) == list(want)
        for name in ("h", "best", "above", "sum", "twice"):
            same(got[name], want[name])
        for one, other in zip(got["again"], want["again"], strict=True):
            same(one, other)


def test_what_a_call_returns_is_the_callers_own(pair):
    native, _ = pair
    x, W = RANDOM.normal(size=(4, 2)), RANDOM.normal(size=(2, 3))
    before = x.copy()
    first = native(x, W, 1.0)
    kept = first["h"].copy()
    first["again"][0][...] = 7
    first["again"][1][...] = 7
    assert np.array_equal(x, before)
    assert np.array_equal(first["h"], kept)
    native(x + 1, W, 1.0)
    assert np.array_equal(first["h"], kept)


def test_arrays_however_they_lie(pair):
    native, reference = pair
    x, W = RANDOM.normal(size=(6, 2)), RANDOM.normal(size=(2, 3))
    fixed = x.copy()
    fixed.flags.writeable = False
    odd = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view("f8").reshape(6, 2)
    assert not odd.flags.aligned
    want = reference(x, W, 1.0)["h"]
    for other in (fixed, x[::-1][::-1], np.asfortranarray(x), x.astype(">f8"), odd):
        same(native(other, np.asfortranarray(W), 1.0)["h"], want)


def test_large_arrays_however_they_lie(monkeypatch):
    monkeypatch.setattr(calls, "SMALL", 0)
    native, reference = as_it_stands(lambda x, y: (x * y, np.sum(x)), x="N D", y="N D")
    x, y = RANDOM.normal(size=(2, 5, 4))
    read_only = x.copy()
    read_only.flags.writeable = False
    odd = np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view("f8").reshape(5, 4)
    for one in (x, read_only, odd, np.asfortranarray(x), x[:, ::-1], x.astype(">f8")):
        for got, want in zip(native(one, y), reference(one, y), strict=True):
            same(got, want)
        passed = calls._passable(one, np.dtype("f8"))
        assert passed.flags.c_contiguous
        assert passed.flags.aligned
        assert passed.dtype == "f8"
        assert np.array_equal(passed, one)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
def test_axes_of_length_0(shape):
    native, reference = as_it_stands(lambda x: (x * 2, np.sum(x, axis=0), x), x="N D")
    x = np.zeros(shape)
    results = native(x)
    for got, want in zip(results, reference(x), strict=True):
        same(got, want)
    assert results[2] is not x
    same(native(np.ones((2, 3)))[1], np.full(3, 2.0))


def test_more_lengths_than_are_kept():
    native, reference = as_it_stands(lambda x: x - np.mean(x), x="N")
    for count in [*range(1, 2 * calls.LENGTHS_KEPT), 3, 1]:
        x = RANDOM.normal(size=count)
        same(native(x), reference(x))
    assert len(native._calls.pools) == calls.LENGTHS_KEPT
    assert all(len(pool._idle) == 1 for pool in native._calls.pools.values())


def test_numbers_by_name_and_by_default():
    program = pb.trace(lambda x, rate: x * rate, x="N", rate=2.0)
    native = NativeExecutable(program, plain, 1)
    same(native(np.arange(3.0), rate=3.0), np.array([0.0, 3.0, 6.0]))
    same(native(np.arange(3.0), 4), np.array([0.0, 4.0, 8.0]))


def test_fixed_inputs():
    program = pb.trace(lambda x, W, n: (x @ W) * n, x="N D", W="D H", n=2)
    native = NativeExecutable(program, plain, 1)
    x, W = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(3, 2))
    fixed = native.fixed({1: W, 2: 3})
    for _ in range(2):
        same(fixed((x,))[0], x @ W * 3)
        W[0] += 1
    with pytest.raises(ProgramError, match="W has shape"):
        fixed((x[:, :2],))


FINITE = np.ones((3, 2))


@pytest.mark.parametrize(
    ("fixed", "known"),
    [
        ({1: FINITE, 2: FINITE.T}, True),
        ({1: FINITE, 2: np.full((2, 3), np.nan)}, False),
        ({1: FINITE * np.inf, 2: FINITE.T}, False),
        ({1: FINITE}, False),
        ({}, False),
    ],
)
def test_products_are_told_that_a_factor_is_finite_only_where_it_is_known(fixed, known):
    # The last right factor is computed: it may be infinite where the given ones are not.
    told = []

    def recording(source, entry, arguments):
        names = machine.load_plain(source)
        product = names["product_nn"]

        def record(*given):
            told.append(given[-1])
            product(*given)

        names["product_nn"] = record
        return names[entry]

    def three(x, W, V):
        return x @ W, (x @ W) @ V, x @ (W * 2)

    native = NativeExecutable(pb.trace(three, x="N 3", W="3 2", V="2 3"), recording, 1)
    given = {1: FINITE, 2: FINITE.T}
    others = [value for i, value in given.items() if i not in fixed]
    native.fixed(fixed)([np.ones((4, 3)), *others])
    assert [bool(each) for each in told] == [known, known, False]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((np.ones((4, 3)), np.ones((2, 3)), 1.0), "x has shape"),
        ((np.ones((4, 2)), np.ones((2, 4)), 1.0), "W has shape"),
        ((np.ones((4, 2), "f4"), np.ones((2, 3)), 1.0), "x is float32"),
        ((np.ones((4, 2)),), "is missing"),
    ],
)
def test_what_does_not_fit_is_refused(pair, arguments, problem):
    native, reference = pair
    with pytest.raises(ProgramError, match=problem) as told:
        native(*arguments)
    with pytest.raises(ProgramError) as expected:
        reference(*arguments)
    assert str(told.value) == str(expected.value)


def test_flat_reads_no_memory_beyond_arrays_of_another_shape(pair):
    native, _ = pair
    with pytest.raises(ProgramError, match="W has shape"):
        native.flat(np.ones((4, 2)), np.ones((2, 2)), 1.0)


def test_inside_a_trace():
    native, _ = as_it_stands(lambda x: np.tanh(x) * 2, x="N")
    outer = pb.trace(lambda x: np.sum(native(x)), x="N")
    assert [equation.primitive.name for equation in outer.equations] == ["tanh", "multiply", "sum"]


def test_a_label_outside_the_classes_gives_zeros():
    native, _ = as_it_stands(lambda y: pb.nn.one_hot(y, 3), y="i8 N")
    assert native(np.array([2, 7, -9])).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


# Compiled.


def looked_up(x, W, place):
    z = x @ W + W[place]
    return np.tanh(z), np.argmax(z, axis=1), np.sum(z)


@pytest.fixture(scope="module")
def compiled():
    if choice.missing_for_native():
        pytest.skip("needs Numba")
    program = pb.trace(looked_up, x="N D", W="D 4", place="i8 N")
    native = pb.compile(program, engine="native")
    x, W = RANDOM.normal(size=(700, 6)), RANDOM.normal(size=(6, 4))
    return native, pb.compile(program), (x, W, RANDOM.integers(-6, 6, 700))


@pytest.fixture
def on_threads(compiled, monkeypatch):
    """The compiled program for calls that let so many threads work."""
    monkeypatch.setattr(modules, "WORTH_THREADS", 0)
    monkeypatch.setattr(modules, "TILE_ROWS", 24)

    def made(threads):
        native = NativeExecutable(compiled[0].program, None, threads)
        native.modules._functions = compiled[0].modules._functions
        return native

    return made


def test_machine_code(compiled):
    native, reference, arguments = compiled
    for got, want in zip(native(*arguments), reference(*arguments), strict=True):
        same(got, want)
    assert pb.compile(native.program, engine="native") is native
    assert "def call(" in native.engine_source


@pytest.mark.parametrize("long", [False, True])
def test_same_bits_for_any_number_of_threads(on_threads, compiled, long, monkeypatch):
    if long:  # this thread then answers signals, and others work
        monkeypatch.setattr(calls, "LONG", 0)
    _, reference, arguments = compiled
    one, two, three = (on_threads(n)(*arguments) for n in (1, 2, 3))
    for got, other, more, want in zip(one, two, three, reference(*arguments), strict=True):
        same(got, want)
        assert np.asarray(got).tobytes() == np.asarray(other).tobytes()
        assert np.asarray(got).tobytes() == np.asarray(more).tobytes()


def test_an_index_out_of_bounds_ends_every_thread(on_threads, compiled):
    _, _, (x, W, place) = compiled
    wrong = place.copy()
    wrong[-1] = 6
    for threads in (1, 2):
        native = on_threads(threads)
        with pytest.raises(IndexError):
            native(x, W, wrong)
        assert np.isfinite(native(x, W, place)[2])


def test_several_threads_call_at_once(compiled):
    native, _, (x, W, place) = compiled
    inputs = [x + n for n in range(4)]
    alone = [native(each, W, place)[0].tobytes() for each in inputs]
    wrong = []

    def call(n):
        for _ in range(200):
            if native(inputs[n], W, place)[0].tobytes() != alone[n]:
                wrong.append(n)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _in_child(native, arguments, results):
    results.put(native(*arguments)[2])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_process_calls_too(on_threads, compiled):
    native = on_threads(2)
    want = native(*compiled[2])[2]
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    child = context.Process(target=_in_child, args=(native, compiled[2], results))
    child.start()
    assert results.get(timeout=60) == want
    child.join(60)
    assert child.exitcode == 0


# Asked for.


def test_a_function_is_compiled_for_each_kind_of_arguments(monkeypatch):
    loaded = []
    monkeypatch.setattr(machine, "load_native", lambda *given: loaded.append(1) or plain(*given))
    monkeypatch.setattr(compiling, "missing_for_native", lambda: "")
    function = pb.compile(lambda x, scale=2.0: np.exp(x) * scale, engine="native")
    same(function(np.zeros(3)), np.full(3, 2.0))
    same(function(np.zeros((2, 2)), 3.0), np.full((2, 2), 3.0))
    same(function(np.zeros((0, 2))), np.zeros((0, 2)))
    assert len(function.programs) == 3
    assert len(loaded) == 2  # no rows, no loops


def test_refused(monkeypatch):
    with pytest.raises(UsageError, match="There is no engine 'nativ'.*Did you mean 'native'"):
        pb.compile(forward, engine="nativ")

    def refuse(program):
        raise NotCompilable("y = sort(...) cannot be compiled: there are no loops.")

    monkeypatch.setattr(compiling, "native_executable", refuse)
    with pytest.raises(UsageError, match=r"engine='native': y = sort\(\.\.\.\) cannot be compiled"):
        pb.compile(pb.trace(lambda x: x + 1, x="N"), engine="native")
    monkeypatch.setattr(compiling, "missing_for_native", lambda: "The native engine needs Numba.")
    with pytest.raises(UsageError, match=r"engine='native': The native engine needs Numba\."):
        pb.compile(forward, engine="native")
