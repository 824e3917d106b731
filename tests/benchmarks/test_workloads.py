"""The workloads: what they promise, their sizes, their data, and the judge of their losses."""

from dataclasses import replace

import numpy as np
import pytest

from pullback.benchmarks import WORKLOADS, Workload
from pullback.benchmarks.data import DATA, exponential
from pullback.benchmarks.peers.ours import layers_of
from pullback.benchmarks.workload import Case, bandwidth
from pullback.benchmarks.workloads import QUICK, TINY, quick_form
from pullback.training import Callback

PROMISED = {
    "exponential": {"pytorch": 6, "jax": 2.2},
    "small": {"pytorch": 35, "scikit-learn": 20, "jax": 2.5},
    "digits": {"pytorch": 25, "scikit-learn": 15, "jax": 1.8},
    "one-row": {"pytorch": 200, "scikit-learn": 120, "jax": 1.5},
    "mnist-128": {"pytorch": 2, "scikit-learn": 6, "jax": 1.25},
    "mnist-256": {"pytorch": 2, "scikit-learn": 6, "jax": 1.25},
    "mnist-1024": {"pytorch": 1.3, "jax": 1.0},
    "mnist-scaled": {"pytorch": 2, "jax": 1.25},
    "deep": {"pytorch": 8, "scikit-learn": 6, "jax": 1.7},
    "deep-rich": {"pytorch": 8, "jax": 1.7},
    "notes": {"pytorch": 2.5, "jax": 1.3},
    "width-45": {"pytorch": 10, "jax": 1.7},
    "width-46": {"pytorch": 10, "jax": 1.7},
}
SHARES = {"mnist-128": 0.6, "mnist-256": 0.6, "mnist-1024": 0.7, "mnist-scaled": 0.6}


def small(work: Workload) -> Workload:
    """The workload with few rows, two steps an epoch, and no dropout."""
    batch = 24 if work.batch >= work.rows else 12
    return replace(work, rows=24, batch=min(work.batch, batch), epochs=2, dropout=0.0)


def test_the_ratios_are_those_that_were_promised():
    told = {name: dict(work.required) for name, work in WORKLOADS.items() if work.required}
    assert told == PROMISED
    assert {name: work.share for name, work in WORKLOADS.items() if work.share} == SHARES


def test_names_are_those_of_the_workloads_and_the_quick_ones_are_among_them():
    assert all(name == work.name for name, work in WORKLOADS.items())
    assert set(QUICK) <= set(WORKLOADS)
    assert all(work.data in DATA for work in WORKLOADS.values())


def test_images_of_a_folder(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 2, 3)).astype(np.uint8)
    pixels[:, 0, 1] = 7
    header = bytes([0, 0, 8, 3, *(0, 0, 0, 5), *(0, 0, 0, 2), *(0, 0, 0, 3)])
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
    header = bytes([0, 0, 8, 1, 0, 0, 0, 5])
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(header + bytes([3, 1, 4, 1, 5]))
    work = Workload("w", "images", rows=7, widths=(6, 4, 10), folder=str(tmp_path))
    case = Case.of(work)
    wanted = pixels.reshape(5, 6)[[0, 1, 2, 3, 4, 0, 1]] / np.float32(255)
    assert np.array_equal(case.X, wanted)
    assert case.y.tolist() == [3, 1, 4, 1, 5, 3, 1]
    X = Case.of(replace(work, data="scaled-images")).X
    assert X.dtype == np.float32
    assert np.all(X[:, 1] == 0)  # constant
    moving = np.delete(X, 1, axis=1)
    assert np.allclose(moving.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(moving.std(axis=0), 1, atol=1e-6)
    assert (
        replace(work, data="scaled-images").title == "7 x 6-4-10, full batch, adam, columns scaled"
    )


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_survives_as_json(name):
    work = WORKLOADS[name]
    assert Workload.from_json(work.to_json()) == work
    assert quick_form(work).epochs <= work.epochs


@pytest.mark.parametrize("name", [n for n in WORKLOADS if not n.startswith("width-2")])
def test_parameters_are_counted_and_data_have_the_sizes(name):
    work = small(WORKLOADS[name])
    case = Case.of(work)
    assert case.X.shape == (24, work.widths[0])
    assert case.X.dtype == np.float32
    assert sum(value.size for value in case.params.values()) == work.parameters
    assert sum(len(layer) for layer in case.layers) == len(case.params)
    again = Case.of(work)
    assert np.array_equal(case.X, again.X)
    assert np.array_equal(case.y, again.y)


@pytest.mark.parametrize("name", [*PROMISED, "tiny"])
def test_the_judge_agrees_with_the_loss_that_training_reports(name):
    """With one step an epoch, the second epoch's loss is that of all rows after the first step.

    A step moves biases off 0 by a thousandth, which a loss shows in its fourth digit. Both are
    exact but for rounding in float32: 2^-24 for each of a few hundred operations.
    """
    work = replace(small(WORKLOADS.get(name, TINY)), batch=24)
    case, moved = Case.of(work), []

    class Keep(Callback):
        def on_epoch(self, training, record):
            moved.append({name: value.copy() for name, value in training.params.items()})

    run = case.prepared(engine="reference").run(callbacks=[Keep()])
    assert case.loss(layers_of(case, moved[1])) == pytest.approx(run.history[2]["loss"], rel=2e-5)


def test_flops_and_bytes_by_hand():
    work = Workload("w", "clusters", rows=100, widths=(5, 7, 3), batch=30)
    forward, dW, dX = 5 * 7 + 7 * 3, 5 * 7 + 7 * 3, 7 * 3
    assert work.flops == 2 * 100 * (forward + dW + dX)
    parameters = 5 * 7 + 7 + 7 * 3 + 3
    assert work.row_bytes == 4 * 100 * 6  # 5 columns and a label
    assert work.variable_bytes == 4 * 3 * parameters  # w, m and v
    limit = {"flops_per_second": 1e9, "bandwidths": [[2000, 1e9], [700, 1e10], [10**4, 1e8]]}
    seconds = work.flops / 1e9 + 2400 / 1e8 + 4 * 2 * work.variable_bytes / 1e9
    assert 700 < work.variable_bytes < 2000
    assert work.limit_seconds(limit) == pytest.approx(seconds)
    assert bandwidth(limit, 10**9) == 1e8
    assert work.title == "100 x 5-7-3, batch 30, adam"


def test_the_matrix_exponential():
    """Of a symmetric matrix it is V exp(d) V'; float64 rounding, a few squarings long."""
    random = np.random.default_rng(3)
    for scale in (0.1, 1.0, 5.0):
        A = random.standard_normal((2, 2)) * scale
        A = A + A.T
        d, V = np.linalg.eigh(A)
        expected = V @ np.diag(np.exp(d)) @ V.T
        np.testing.assert_allclose(exponential(A), expected, rtol=1e-11, atol=1e-11)
