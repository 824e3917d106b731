"""Programs called on the native engine as they stand, cut in given ways, in poisoned memory."""

import numpy as np

from pullback.engines.native import modules
from pullback.engines.native.execution import NativeExecutable
from pullback.engines.native.machine import load_plain
from pullback.engines.native.planning import Split
from pullback.trees import flatten

CUTS = {"whole": (1, False), "pieces": (3, False), "tiles": (1, True), "both": (3, True)}


def plain(source, entry, arguments):
    """The emitted module as it stands."""
    return load_plain(source)[entry]


def executable(program, pieces, tiled, load=plain):
    """A program on the native engine, cut so, its memory filled with NaN before the first call."""
    native = NativeExecutable(program, load, 1)
    made = native.modules

    def cut(sizes, work):
        module = made._module(tiled)
        rows = 1 if made._row_axis is None else sizes[made._row_axis]
        return Split(pieces, min(2, rows) if module.tiled else rows, module.tiled), module

    def sized(shapes):
        found = modules.Modules.sized(made, shapes)
        if found is not None:
            found.memory.block[:] = 255
        return found

    made._cut, made.sized = cut, sized
    return native


def differences(got, wanted, bound):
    """Where two results differ: texts; the bound counts relative to the largest entry."""
    (got, structure), (wanted, other) = flatten(got), flatten(wanted)
    assert structure == other
    found = []
    for place, (one, two) in enumerate(zip(got, wanted, strict=True)):
        if np.shape(one) != np.shape(two) or np.asarray(one).dtype != np.asarray(two).dtype:
            found.append(f"{place}: {np.asarray(one)!r} is not {np.asarray(two)!r}")
            continue
        one, two = np.asarray(one), np.asarray(two)
        if one.dtype.kind != "f":
            same = np.array_equal(one, two)
        else:
            finite = np.abs(two[np.isfinite(two)])
            scale = max(1.0, float(finite.max())) if finite.size else 1.0
            same = np.allclose(one, two, rtol=bound, atol=bound * scale, equal_nan=True)
        if not same:
            found.append(f"{place}: {one!r} is not {two!r}")
    return found
