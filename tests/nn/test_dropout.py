"""Dropout: what is dropped, how often, and that nothing is in prediction."""

import numpy as np
import pytest

import pullback as pb

ONES = np.ones((5000, 4))


def program_of(*layers, x="N 4", training=True):
    network = pb.nn.Sequential(*layers)
    return pb.trace(lambda x: network.apply({}, {}, x, training=training)[0], x=x)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_expectation_stays(rate):
    y = program_of(pb.nn.Dropout(rate))(ONES, seed=3, step=2)
    dropped = np.mean(y == 0)
    assert abs(dropped - rate) <= 4 * np.sqrt(rate * (1 - rate) / y.size)
    assert np.allclose(y[y != 0], 1 / (1 - rate), rtol=1e-15)


def test_rate_zero_leaves_every_entry_as_it_is():
    x = np.random.default_rng(0).normal(size=(7, 4))
    assert np.array_equal(program_of(pb.nn.Dropout(0))(x, seed=3), x)
    assert np.array_equal(program_of(pb.nn.Dropout(0), x="f4 N 4")(x.astype("f4")), x.astype("f4"))


def test_in_prediction_nothing_happens():
    x = np.random.default_rng(0).normal(size=(7, 4))
    program = program_of(pb.nn.Dropout(0.9), training=False)
    assert np.array_equal(program(x), x)
    assert "random" not in program.to_numpy()


def test_seed_and_step_and_layer_choose_other_entries():
    one = program_of(pb.nn.Dropout(0.5))
    masks = [one(ONES), one(ONES, seed=1), one(ONES, step=1)]
    both = pb.trace(
        lambda x: [pb.nn.Dropout(0.5).apply({}, {}, x, training=True)[0] for _ in range(2)],
        x="N 4",
    )(ONES)
    assert np.array_equal(both[0], masks[0])
    for other in (*masks[1:], both[1]):
        assert 0.4 < np.mean((other == 0) == (masks[0] == 0)) < 0.6


def test_a_part_of_the_batch_is_dropped_as_in_the_whole():
    program = program_of(pb.nn.Dropout(0.5))
    whole = program(ONES[:10], seed=7)
    assert np.array_equal(program(ONES[:4], seed=7, first_row=6), whole[6:])


def test_the_gradient_passes_where_the_entry_did():
    x = np.random.default_rng(0).normal(size=(20, 4))
    network = pb.nn.Sequential(pb.nn.Dropout(0.4))

    def total(x):
        return np.sum(network.apply({}, {}, x, training=True)[0])

    y = network.apply({}, {}, x, training=True)[0]
    assert np.allclose(pb.grad(total)(x), np.where(y == 0, 0, 1 / 0.6), rtol=1e-15)
    pb.check_gradients(total, x)


def test_what_is_infinite_can_be_dropped():
    y = pb.nn.Dropout(0.5).apply({}, {}, np.full((8, 8), np.inf), training=True)[0]
    assert set(np.unique(y)) == {0.0, np.inf}


def test_float32_stays_float32():
    assert program_of(pb.nn.Dropout(0.5), x="f4 N 4")(ONES.astype("f4")).dtype == np.float32
