"""A run with functions of the user's own goes on only with the same ones."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError

X = np.random.default_rng(0).normal(size=(24, 3))
Y = ["a", "b", "c"] * 8


def trained(tmp_path, epochs, resume=False, **settings):
    net = pb.nn.Sequential(pb.nn.Dense(3))
    file = tmp_path / "checkpoint.safetensors"
    place = {"resume": file} if resume else {"checkpoint": file}
    return pb.train(net, X, Y, batch_size=8, epochs=epochs, **place, **settings)


class Halving:
    """A schedule whose printed form has an address in it."""

    def __init__(self, every):
        self.every = every

    def __call__(self, step):
        return 0.5 ** (step // self.every)


def test_a_function_made_anew_is_the_same_function(tmp_path):
    def settings():
        penalty = lambda W: 0.01 * np.sum(W**4)  # noqa: E731
        return {"schedule": Halving(2), "penalty": penalty}

    whole = trained(tmp_path, 4, **settings())
    trained(tmp_path, 2, **settings())
    parts = trained(tmp_path, 4, resume=True, **settings())
    assert whole.settings["schedule"].endswith("Halving object>")
    for name, value in whole.model.params.items():
        np.testing.assert_array_equal(parts.model.params[name], value)


def test_a_schedule_that_gives_something_else_is_refused(tmp_path):
    trained(tmp_path, 2, schedule=Halving(2))
    with pytest.raises(UsageError, match=r"a schedule that gave 0\.5 at step 2, not 1\."):
        trained(tmp_path, 4, resume=True, schedule=Halving(3))


def test_a_schedule_inside_another_is_seen_too(tmp_path):
    trained(tmp_path, 2, schedule=pb.optim.Warmup(1, then=Halving(2)))
    with pytest.raises(UsageError, match=r"gave 0\.5 at step 3, not 1\."):
        trained(tmp_path, 2, resume=True, schedule=pb.optim.Warmup(1, then=Halving(3)))


def test_a_schedule_that_follows_the_length_of_the_run_may_get_longer(tmp_path):
    trained(tmp_path, 2, schedule=pb.optim.Cosine())
    run = trained(tmp_path, 4, resume=True, schedule=pb.optim.Cosine())
    assert len(run.history) == 5


def test_a_penalty_that_computes_something_else_is_refused(tmp_path):
    trained(tmp_path, 1, penalty=lambda W: 0.01 * np.sum(W**4))
    with pytest.raises(UsageError, match="another network, loss or penalty; functions of"):
        trained(tmp_path, 2, resume=True, penalty=lambda W: 0.02 * np.sum(W**4))
