"""Orders are permutations that depend on seed and epoch alone; batches cover every row once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.data import batches
from pullback.data.batches import SHUFFLE, batch_slices, drawn_orders, epoch_order, epoch_orders
from pullback.errors import UsageError
from pullback.primitives.threefry import random_bits


@given(rows=st.integers(1, 300), seed=st.integers(0, 2**64 - 1), epoch=st.integers(0, 2**32 - 1))
def test_an_order_is_a_permutation(rows, seed, epoch):
    order = epoch_order(rows, seed, epoch)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(rows))


def test_orders_are_the_same_everywhere():
    assert epoch_order(10, seed=0, epoch=0).tolist() == [1, 3, 5, 0, 4, 9, 2, 7, 6, 8]
    assert epoch_order(10, seed=2**64 - 1, epoch=3).tolist() == [9, 4, 1, 8, 5, 6, 3, 0, 2, 7]


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16


def test_a_row_comes_to_every_place_equally_often():
    places = np.array([np.flatnonzero(epoch_order(8, 1, epoch) == 0)[0] for epoch in range(4000)])
    counts = np.bincount(places, minlength=8)
    chi_squared = ((counts - 500.0) ** 2 / 500.0).sum()
    assert chi_squared < 24.3  # the 0.1 % point for 7 degrees of freedom


@given(rows=st.integers(1, 200), batch_size=st.integers(1, 250))
def test_batches_cover_every_row_once(rows, batch_size):
    slices = batch_slices(rows, batch_size)
    covered = [row for batch in slices for row in range(rows)[batch]]
    assert covered == list(range(rows))
    assert slices[-1].stop == rows
    sizes = [batch.stop - batch.start for batch in slices]
    assert all(size == batch_size for size in sizes[:-1])
    assert 1 <= sizes[-1] <= batch_size


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "8"])
def test_sizes_that_are_no_counts_are_refused(wrong):
    with pytest.raises(UsageError, match="batch_size must be an integer of at least 1"):
        batch_slices(10, wrong)
    with pytest.raises(UsageError, match="rows must be an integer of at least 1"):
        epoch_order(wrong, 0, 0)


@pytest.mark.parametrize("rows", [1, 2, 3, 1000, 8193])
def test_orders_of_several_epochs_are_those_of_each(rows):
    """The plain way: 64 random bits a row, sorted; a block of the drawing holds fewer rows."""
    bits = [random_bits(5, (epoch, SHUFFLE), rows) for epoch in (7, 8, 9)]
    for order, drawn, plain in zip(
        epoch_orders(rows, 5, 7, 3), drawn_orders(rows, 5, 7, 3), bits, strict=True
    ):
        assert np.array_equal(order, np.argsort(plain, kind="stable"))
        assert np.array_equal(drawn, plain % np.uint64(rows))


def test_rows_whose_upper_bits_agree_are_sorted_by_all_bits(monkeypatch):
    """Which by chance happens to nobody: two rows here differ in their lowest bit alone."""
    bits = np.array([[9, 2**60 + 1, 2**60, 2**60, 8]], np.uint64)
    monkeypatch.setattr(batches, "random_bits_of_steps", lambda *arguments: bits)
    assert epoch_orders(5, 0, 0, 1)[0].tolist() == [4, 0, 2, 3, 1]
