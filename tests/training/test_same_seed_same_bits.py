import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import pullback as pb

PROGRAM = """
import hashlib
import numpy as np
import pullback as pb

random = np.random.default_rng(0)
X, y = random.normal(size=(700, 200)).astype("f4"), random.integers(0, 10, size=700)
net = pb.nn.Sequential(pb.nn.Dense(300), pb.nn.ReLU(), pb.nn.Dense(10))
run = pb.train(net, X, y, batch_size=SIZE, epochs=2, seed=SEED, scaling="standard")
digest = hashlib.sha256()
for name, value in run.model.params.items():
    digest.update(value.tobytes())
digest.update(repr([(r["loss"], r["accuracy"]) for r in run.history]).encode())
digest.update(run.model.predict_proba(X).tobytes() if PREDICT else b"")
print(digest.hexdigest())
"""


def digest(seed=0, size=64, predict=False, **environment):
    source = PROGRAM.replace("SIZE", repr(size)).replace("SEED", str(seed))
    done = subprocess.run(
        [sys.executable, "-c", source.replace("PREDICT", str(predict))],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("size", [64, "full"])
def test_any_process_and_any_number_of_threads(size):
    digests = {
        digest(size=size, OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="1"),
        digest(size=size, OPENBLAS_NUM_THREADS="2", PYTHONHASHSEED="2"),
    }
    assert len(digests) == 1
    assert digest(seed=1, size=size) not in digests


def test_predictions_have_the_same_bits_for_any_number_of_threads():
    assert digest(predict=True, OPENBLAS_NUM_THREADS="1") == digest(
        predict=True, OPENBLAS_NUM_THREADS="2"
    )


RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(50, 4)), RANDOM.integers(0, 3, size=50)


def bits(seed, **settings):
    network = pb.nn.Sequential(pb.nn.Dense(8), pb.nn.ReLU(), pb.nn.Dense(3))
    run = pb.train(network, X, Y, seed=seed, epochs=2, **settings)
    parts = [value.tobytes() for value in run.model.params.values()]
    return hashlib.sha256(b"".join(parts)).hexdigest(), [r["loss"] for r in run.history]


@pytest.mark.parametrize("batch_size", [1, 16, "full"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twice_in_one_process(batch_size, dtype):
    settings = {"batch_size": batch_size, "dtype": dtype}
    first, other = bits(0, **settings), bits(1, **settings)
    np.random.seed(5)
    assert bits(0, **settings) == first
    assert other[0] != first[0]
    assert other[1] != first[1]


def test_training_leaves_its_arguments_and_numpys_random_state_alone():
    before = np.random.get_state()[1].copy()
    x, y = X.copy(), Y.copy()
    bits(0, scaling="standard")
    assert np.array_equal(np.random.get_state()[1], before)
    assert np.array_equal(X, x)
    assert np.array_equal(Y, y)


def test_one_network_object_can_be_trained_again():
    network = pb.nn.Sequential(pb.nn.Dense(3))
    runs = [pb.train(network, X, Y, epochs=1) for _ in range(2)]
    first, again = (run.model.params["W1"] for run in runs)
    assert np.array_equal(first, again)
    assert first is not again


def test_the_step_is_the_same_text_every_time():
    def source(seed):
        network = pb.nn.Sequential(pb.nn.Dense(8), pb.nn.ReLU(), pb.nn.Dense(3))
        return pb.train(network, X, Y, seed=seed, epochs=1).step.to_numpy()

    assert source(0) == source(1)
