"""Emitted modules as machine code: what it takes, what it returns, how it is written."""

import re
import sys

import numpy as np
import pytest
from native_cache_process import SOURCE, arguments
from native_cache_process import loaded_anew as load

from pullback.engines.native import NotCompilable, machine, pipeline
from pullback.errors import MissingExtraError


def test_it_refuses_other_arguments(filled, compiles):
    function = load()
    out, x, factor = arguments()
    frozen = out.copy()
    frozen.flags.writeable = False
    for wrong in [
        (out, x.astype(np.float64), factor),
        (out, x.reshape(1, -1), factor),
        (out, x, 3),
        (frozen, x, factor),
        (out, x),
        (out, np.arange(10, dtype=np.float32)[::2], factor),
        (out, x.astype(">f4"), factor),
        (out, x, "3"),
    ]:
        with pytest.raises(TypeError):
            function(*wrong)


def test_a_bound_call_keeps_its_arrays(filled, compiles):
    out, x, factor = arguments()
    call = load().bind(out, x, factor)
    x += 1
    call()
    assert out.tolist() == [3, 6, 9, 12, 15]
    del x
    out[:] = 0
    assert call() == 5
    assert out.tolist() == [3, 6, 9, 12, 15]


ARRAYS = ", ".join(f"{name}{n}" for name in "oab" for n in range(12))
MANY = f"""\
import numpy as np

def many({ARRAYS}, x, hi):
    for n in range(hi):
{"".join(f"        o{n}[n] = np.float32(a{n}[n] * b{n}[n] + x)" + chr(10) for n in range(12))}
def place(i, size):
    if i >= size:
        raise IndexError("out")
    return i

def steps({ARRAYS}, x, y, flag, where):
    if flag:
        many({ARRAYS}, x, o0.shape[0])
    return np.float64(y[place(where, y.shape[1]), 0]) + np.float64(x)
"""


def test_many_arrays_are_vectorized_and_all_kinds_of_numbers_arrive(place):
    pytest.importorskip("numba")
    outs = [np.zeros(33, np.float32) for _ in range(12)]
    ins = [np.arange(33, dtype=np.float32) + each for each in range(24)]
    y = np.array([[1], [-5]], np.int16).repeat(4, 1)
    y.flags.writeable = False
    given = (*outs, *ins, np.float32(0.25), y, True)
    text = machine.assembly(MANY, "steps", (*given, 0))
    wide = r"\tvfmadd\w+ps\t.*%[yz]mm|\tv?mulps|\tfmla\tv|\tfmla\tz"
    # One each, where LLVM has looked at no two arrays whether they overlap.
    assert len(re.findall(wide, text)) >= 12
    function = machine.load_native(MANY, "steps", (*given, 0))
    assert function(*given, 1) == -4.75
    for n, out in enumerate(outs):
        assert np.allclose(out, ins[n] * ins[12 + n] + np.float32(0.25), rtol=1e-6)
    with pytest.raises(IndexError, match="out of bounds"):
        function(*given, 4)
    outs[0][:] = 0
    assert function(*given[:-1], False, 0) == 1.25
    assert not outs[0].any()


def test_what_numba_cannot_compile(place):
    pytest.importorskip("numba")
    with pytest.raises(NotCompilable, match="Numba cannot compile"):
        machine.load_native("def steps(x):\n    return x.no_such_thing\n", "steps", (1.0,))


def test_plain_python():
    assert machine.load_plain("def twice(x):\n    return x + x\n")["twice"](2) == 4


def test_missing_libraries_are_named(monkeypatch):
    assert machine.available() == "" or "pullback[fast]" in machine.available()
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    assert 'pip install "pullback[fast]"' in machine.available()
    with pytest.raises(MissingExtraError, match="needs Numba"):
        machine.load_native(SOURCE, "steps", arguments())


def test_a_compiler_that_is_broken(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.core.errors", None)
    with pytest.raises(NotCompilable, match=r"Numba is installed, but cannot be imported: .+\."):
        machine.load_native(SOURCE, "steps", arguments())


def test_a_compiler_that_is_switched_off(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "NUMBA_DISABLE_JIT" in machine.available()


SHARED = """\
from pullback.engines.native.arrays import may_overlap, same_entries

{mark}
def phase(a, b, out):
    a[0] = 5
    b[0] = 7
    out[0] = a[0]

def steps(a, out):
    phase(a, same_entries(a, (2, 1)), out)
    return out[0]
"""


def test_arrays_of_a_phase_may_share_memory(place):
    """A compiler that was promised that they do not leaves the 5 in `out`."""
    source = SHARED.replace("b[0]", "b[0, 0]").format(mark="@may_overlap")
    assert (
        machine.load_native(source, "steps", (np.zeros(2), np.zeros(1)))(np.zeros(2), np.zeros(1))
        == 7.0
    )


def test_a_function_is_compiled_once_for_all_numbers():
    def plus(x, y):
        return x + y

    pieces = pipeline.callee(plus, machine.OPTIONS, False)

    def total(x):
        return pieces(x, 1) + pieces(x, 2) + pieces(x, 3)

    pipeline.compiled(total, ("f8",), machine.OPTIONS)
    assert len(pieces.signatures) == 1
