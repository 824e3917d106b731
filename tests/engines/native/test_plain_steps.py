"""Emitted steps as they stand, without a compiler, against the reference engine: every layer,
activation, loss, penalty, update rule and regime, whole, in pieces and in tiles.

All memory that a step may not read from the one before holds NaN before each step, so a value
that lies where another still is, or that is read before it is made, shows.
"""

import dataclasses
import re

import numpy as np
import pytest
from native_beside_reference import (
    PIECES,
    PIECES_OF_TILES,
    TILES,
    WHOLE,
    difference,
    native_steps,
    on_native,
    on_reference,
)
from native_networks import ACTIVATIONS, LABELS, LAYERS, RUNS, SGD, X, prepared

import pullback as pb
from pullback.engines.native import storage
from pullback.engines.native.barrier import STOP
from pullback.engines.native.machine import load_plain
from pullback.engines.native.planning import Split

# A step rounds some hundred times, by 1.1e-16 or 6e-8 of values near 1, and up to 20 steps follow
# each other at rates of at most 0.1. The largest differences seen are 3e-15 and 2e-6 of what a
# step tells, 8e-15 and 2e-5 of variables (products of all rows, whose slopes are near 100).
BOUNDS = {"float64": (1e-10, 1e-10), "float32": (2e-5, 1e-4)}


def check(run, split, dtype, epochs=1):
    steps = native_steps(run, split)
    wanted = on_reference(run, epochs, steps.told)
    got = on_native(run, steps, epochs, poison=True)
    assert got.told.shape == wanted.told.shape
    told, variables = difference(got, wanted)
    assert told <= BOUNDS[dtype][0]
    assert variables <= BOUNDS[dtype][1]
    return steps


@pytest.mark.parametrize("name", RUNS)
def test_each_run_in_float64(name):
    run = prepared(name, "float64")
    assert check(run, WHOLE, "float64").split.pieces == 1
    assert check(run, PIECES_OF_TILES, "float64").split.pieces == 3


@pytest.mark.parametrize("name", RUNS)
def test_each_run_in_float32(name):
    check(prepared(name, "float32"), PIECES, "float32")


def test_the_list_names_what_there_is():
    assert {"Dense", "BatchNorm", "LayerNorm", "Dropout", "Softmax", "Tanh"} <= set(LAYERS)
    made = {type(layer()).__name__ for layer in ACTIVATIONS.values()}
    assert made <= set(LAYERS)


TILED = ["rule adam", "regime ordered", "layer Dropout", "layer LayerNorm", "regression", "deep"]


@pytest.mark.parametrize("name", TILED)
def test_tiles_of_rows(name):
    run = prepared(name, "float64")
    for split in (TILES, Split(2, 1, True), Split(5, 3, True)):
        assert check(run, split, "float64", epochs=2).split.tiled


UNTILED = ["layer BatchNorm", "loss cross-entropy mean weighted", "mixing transposed", "one column"]


@pytest.mark.parametrize("name", UNTILED)
def test_rows_that_mix_are_not_cut_into_tiles(name):
    assert not native_steps(prepared(name, "float64"), PIECES_OF_TILES).split.tiled


@pytest.mark.parametrize("pieces", [2, 7, 16])
def test_more_pieces_than_rows_units_or_columns(pieces):
    for name in ("all layers", "regime one row", "one of everything", "mixing pairs of outputs"):
        check(prepared(name, "float64"), Split(pieces, 10**6, False), "float64")


def test_a_thread_has_all_its_rows_in_one_product_but_its_sums_piece_by_piece():
    lines = native_steps(prepared("rule adam", "float64"), PIECES).source.splitlines()

    def margins(call):
        return {line.index(call) for line in lines if line.lstrip().startswith(call)}

    assert margins("product_nn(") == margins("product_nt(") == {4}
    assert margins("fill(") == {8}


def test_each_phase_is_shared_by_its_own_cuts_and_times():
    steps = native_steps(prepared("rule adam", "float64"), PIECES)
    body = steps.source[steps.source.index("def steps(") :]
    before, *phases = re.split(r"# phase \d+ of \d+\n", body)
    assert len(phases) == 2
    for number, phase in enumerate(phases):
        place = f"cuts[s % 2, {number}, thread"
        assert f"start, stop = {place}], {place} + 1]" in before
        assert f"busy[s % 2, {number}, thread] = clock() - began" in phase
        before = phase
    # Rows go by pieces, since these have sums of their own; units and weights as they come.
    assert re.findall(r"share_anew\(.*\)", body) == [
        "share_anew(cuts, busy, shares, s, 0, pieces)",
        "share_anew(cuts, busy, shares, s, 1, 64)",
    ]


def test_functions_between_sums_over_rows_have_loops_over_all_entries():
    source = native_steps(prepared("regime ordered", "float64"), WHOLE).source
    kernels = [kernel for kernel in source.split("\n\n\n") if kernel.startswith("def make_")]
    functions = {
        name: next(kernel for kernel in kernels if f" {name}_f8(" in kernel)
        for name in ("exp", "log", "tanh")
    }
    assert {name: kernel.count("for ") for name, kernel in functions.items()} == {
        "exp": 1,
        "log": 1,
        "tanh": 2,  # with its bias, in the loop over rows and columns
    }
    assert sum("_f8(" in kernel for kernel in kernels) == 3


@pytest.mark.parametrize("name", ["layer Dropout", "activation randomized-leaky-relu"])
def test_masks_are_those_of_the_step_the_seed_and_the_row(name):
    """Other masks give other losses: those of the next step, seed or tile would be seen."""
    run = prepared(name, "float64")
    steps = native_steps(run, TILES)
    wanted = on_reference(run, 2, steps.told)
    assert difference(on_native(run, steps, 2), wanted)[0] <= 1e-10
    other = dataclasses.replace(run, given={**run.given, "seed": 4})
    assert difference(on_native(other, native_steps(other, TILES), 2), wanted)[0] > 1e-3


def test_a_step_that_is_not_finite_is_the_last():
    run = prepared("loss poisson sum", "float64")
    run.problem.params["b2"][:] = 800.0
    steps = native_steps(run, PIECES)
    starts, lengths = np.array([0, 8, 16]), np.array([8, 8, 4])
    with np.errstate(over="ignore", invalid="ignore"):
        done, told = steps.run(starts, lengths, None, 0, np.full((3, 1), 0.1))
    assert done == 1
    assert told[0, 0] == np.inf


def test_an_interrupted_call_ends_after_the_step_at_hand():
    run = prepared("rule sgd", "float64")

    def interrupting(source, entry, arguments):
        return load_plain(source.replace("# phase 1 of", f"control[{STOP}] = 1  #"))[entry]

    steps = native_steps(run, WHOLE, interrupting)
    wanted = on_reference(run, 1, steps.told)
    starts, lengths = np.array([0, 8, 16]), np.array([8, 8, 4])
    done, told = steps.run(starts, lengths, run.plan.order(1), 0, np.full((3, 1), 0.1))
    assert done == 1
    assert np.allclose(told[0], wanted.told[0], rtol=1e-10)
    done, _ = native_steps(run, WHOLE).run(starts, lengths, None, 0, np.full((3, 1), 0.1))
    assert done == 3


def test_memory_of_a_lifetime_that_is_too_short_is_seen(monkeypatch):
    """The poison and the comparison notice a plan in which a value ends a phase too early."""
    whole = storage.Storage._held

    def shortened(self):
        return [
            dataclasses.replace(held, last=max(held.first, held.last - 1))
            if held.last is not None and held.value.name.startswith("h")
            else held
            for held in whole(self)
        ]

    monkeypatch.setattr(storage.Storage, "_held", shortened)
    run = prepared("deep", "float64")
    with pytest.raises(AssertionError):
        check(run, WHOLE, "float64")


def test_layers_that_are_alike_share_their_phases():
    def source_of(layers):
        alike = [pb.nn.Dense(6), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dropout(0.1)]
        network = pb.nn.Sequential(*alike * layers, pb.nn.Dense(3))
        run = pb.training.prepare(network, X, LABELS, batch_size=8, optimizer=SGD, dtype="float64")
        return check(run, PIECES, "float64").source

    three, five = source_of(3), source_of(5)
    for pattern in (r"^def ", r"^@may_overlap"):
        count = len(re.findall(pattern, three, re.M))
        assert count == len(re.findall(pattern, five, re.M)) > 8
    phases = [len(re.findall(r"# phase \d+ of", text)) for text in (three, five)]
    assert phases[1] - phases[0] == 2 * (phases[0] // 3)  # each layer adds as many
