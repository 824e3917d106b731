"""Compiled steps against the reference engine, over ten runs in which each layer, activation,
loss and update rule occurs, on one thread, and on several with equal and with lopsided shares."""

import platform
import re

import numpy as np
import pytest
from native_beside_reference import (
    PIECES,
    PIECES_OF_TILES,
    difference,
    native_steps,
    on_native,
    on_reference,
)
from native_covering import (
    ACTIVATIONS,
    COUNT,
    LABELS,
    LOSSES,
    MADE,
    OPTIMIZERS,
    OTHERS,
    X,
    network_of,
    parts_of,
    prepared,
)

import pullback as pb
from pullback.engines.native import machine

pytest.importorskip("numba")

# 50 steps. In float32, errors that are nearly 0 count relative to 0.001, whose last bit is 1e-4 of
# the last bit of what they are differences of: 3e-4 of told columns, 1e-5 of variables.
BOUNDS = {"float64": (1e-10, 1e-10), "float32": (1e-3, 1e-4)}


def test_each_part_occurs():
    parts = [parts_of(number) for number in range(COUNT)]
    assert {name for layers, *_ in parts for name in layers} == set(OTHERS)
    assert {name for _, activations, *_ in parts for name in activations} == set(ACTIVATIONS)
    assert {loss for *_, loss, _ in parts} == set(LOSSES)
    assert {rule for *_, rule in parts} == set(OPTIMIZERS)
    for number, (layers, activations, *_) in enumerate(parts):
        made = {type(layer) for layer in network_of(number).layers}
        assert {MADE[name] for name in layers} <= made
        assert {type(ACTIVATIONS[name]()) for name in activations} <= made


@pytest.mark.parametrize("number", range(COUNT))
def test_trajectories_of_one_thread_and_of_several(number):
    run = prepared(number)
    dtype, epochs = run.given["dtype"], run.plan.epochs
    split = PIECES_OF_TILES if number in (3, 9) else PIECES
    single = native_steps(run, split, None, threads=1)
    double = native_steps(run, split, None, threads=2)
    assert (single.threads, double.threads) == (1, 2)
    assert single.split.tiled == split.tiled
    one, two = on_native(run, single, epochs), on_native(run, double, epochs)
    assert np.array_equal(one.told, two.told)
    for first, second in zip(one.variables, two.variables, strict=True):
        assert np.array_equal(first, second)
    wanted = on_reference(run, epochs, single.told)
    assert len(wanted.told) >= 50
    told, variables = difference(one, wanted)
    assert told <= BOUNDS[dtype][0]
    assert variables <= BOUNDS[dtype][1]
    some = 3 if number == 0 else 2  # three are slow where there are two cores
    lopsided = native_steps(run, split, None, threads=some)
    cut = on_native(run, lopsided, epochs, poison=True, shares=np.random.default_rng(number))
    assert lopsided.threads == some
    assert np.array_equal(one.told, cut.told)
    for first, second in zip(one.variables, cut.variables, strict=True):
        assert np.array_equal(first, second)
    for steps in (single, double, lopsided):
        steps.close()


PACKED = {
    "products": r"vfmadd\d+ps\s.*[yz]mm",
    "the larger of two": r"v(max|blendv|blendm)ps\s.*[yz]mm",
    "roots of the update rule": r"vsqrtps\s.*[yz]mm|vrsqrt\w*ps\s.*[yz]mm",
    "quotients of the update rule": r"vdivps\s.*[yz]mm|vrcp\w*ps\s.*[yz]mm",
    "whole numbers of an exponential": r"vpslld\s.*[yz]mm",
}


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names of registers")
def test_loops_work_on_several_numbers_at_once():
    from llvmlite import binding

    if not binding.get_host_cpu_features().get("avx2"):
        pytest.skip("this processor has no registers of 32 bytes")
    network = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(3))
    run = pb.training.prepare(network, X, LABELS, optimizer=pb.optim.Adam(), engine="reference")
    texts = []

    def read(*given):
        texts.append(machine.assembly(*given))
        raise InterruptedError

    with pytest.raises(InterruptedError):
        on_native(run, native_steps(run, PIECES, read), 1)
    missing = [name for name, form in PACKED.items() if not re.search(form, texts[0])]
    assert not missing
