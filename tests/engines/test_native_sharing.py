"""How threads share phases: by how fast they were, all of it, and not more often than it pays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.engines.native.sharing import (
    SLOWNESS,
    STEADY,
    UNITS,
    WHOLE,
    clock,
    equal_shares,
    part,
    share_anew,
)


def shares_of(sharing, step, phase=0):
    """The parts of a phase that threads do in a step, of 1."""
    return np.diff(sharing.cuts[step % 2, phase]) / WHOLE


def after(speeds, steps, units=UNITS, sharing=None, first=0):
    """The sharing of threads that do a phase of 10^6 at speeds: what step `steps` begins with."""
    sharing = sharing or equal_shares(1, len(speeds(0)))
    for step in range(first, steps):
        done = shares_of(sharing, step) * 1e6
        sharing.busy[step % 2, 0] = done / speeds(step) + 1
        share_anew(*sharing, step, 0, units)
    return sharing


@given(
    length=st.integers(0, 10**7),
    cuts=st.lists(st.integers(0, WHOLE), max_size=5).map(sorted),
)
def test_every_row_has_one_thread(length, cuts):
    ends = [part(length, cut) for cut in [0, *cuts, WHOLE]]
    assert (ends[0], ends[-1]) == (0, length)
    assert ends == sorted(ends)


@given(pieces=st.integers(1, 64), data=st.data())
def test_cuts_between_pieces_are_exact(pieces, data):
    piece = data.draw(st.integers(0, pieces))
    assert part(pieces, piece * WHOLE // pieces) == piece


@given(
    threads=st.integers(2, 16), units=st.integers(1, 80), steps=st.integers(1, 12), data=st.data()
)
def test_cuts_are_in_order_whatever_the_times(threads, units, steps, data):
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    sharing = equal_shares(1, threads)
    for step in range(1, steps + 1):
        sharing.busy[:] = 10.0 ** random.uniform(0, 6, (2, 1, threads))
        share_anew(*sharing, step, 0, units)
        for cuts in sharing.cuts[:, 0]:
            assert (cuts[0], cuts[-1]) == (0, WHOLE)
            assert (np.diff(cuts) >= 0).all()


def test_a_cut_that_stays_lies_behind_those_that_move():
    """By hand: ends at 7.28 and 7.44 of 16; the first may stay at 8, the second is at 9."""
    sharing = equal_shares(1, 3)
    sharing.cuts[:] = np.array([0, 8, 9, 16]) * WHOLE // 16
    sharing.shares[0] = np.array([7.28, 0.16, 8.56]) / 16
    sharing.busy[:] = 10**6 * np.array([8 / 7.28, 1 / 0.16, 7 / 8.56])  # shares are right
    share_anew(*sharing, 2, 0, 16)
    assert (sharing.cuts[1, 0] * 16 / WHOLE).round(3).tolist() == [0, 8, 8, 16]


def test_few_units_are_shared_alike():
    sharing = equal_shares(1, 8)
    sharing.busy[:] = np.arange(1, 9) * 1000
    share_anew(*sharing, 1, 0, 16)
    assert np.array_equal(sharing.cuts, equal_shares(1, 8).cuts)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_equal_shares_at_first(threads):
    sharing = equal_shares(2, threads)
    for step in (0, 1):
        for phase in (0, 1):
            assert shares_of(sharing, step, phase) == pytest.approx(1 / threads, abs=2 / WHOLE)


@pytest.mark.parametrize("speeds", [(1, 1), (3, 2), (1, 4), (5, 3, 2), (1, 1, 1, 9)])
@pytest.mark.parametrize("units", [16, UNITS, 1000])
def test_shares_become_what_threads_are_able_to_do(speeds, units):
    speeds = np.array(speeds, float)
    sharing = after(lambda step: speeds, 60, units)
    right = speeds / speeds.sum()
    # Each end of a share is less than a unit from where it should be.
    assert shares_of(sharing, 60) == pytest.approx(right, abs=2 * STEADY / units)
    assert sharing.shares[0] / sharing.shares[0].sum() == pytest.approx(right, abs=1 / units)
    assert np.array_equal(*sharing.cuts)  # steps with even and with odd numbers
    assert sharing.cuts[:, :, 0].tolist() == [[0], [0]]
    assert sharing.cuts[:, :, -1].tolist() == [[WHOLE], [WHOLE]]


@pytest.mark.parametrize("right", [32, 32.5, 40.4, 40.5])
def test_a_cut_does_not_go_to_and_fro(right):
    """Not by chance, even where it should be between two units."""
    chance, speeds = np.random.default_rng(0), np.array([right, UNITS - right])
    sharing, places = equal_shares(1, 2), []
    for step in range(400):
        noise = 1 + 0.005 * chance.standard_normal(2)
        after(lambda step, now=speeds * noise: now, step + 1, UNITS, sharing, step)
        places.append(shares_of(sharing, step + 1)[0])
    assert len(set(places[100:])) == 1
    assert places[-1] * UNITS == pytest.approx(right, abs=STEADY)


def test_one_step_that_is_held_up_moves_little():
    sharing = after(lambda step: np.array([1.0, 1e-4 if step == 10 else 1.0]), 12)
    # A fourth of the way from 1 to 1/2, beside the other's from 1 to 2.
    left, right = 1 + 1 / SLOWNESS, 1 - 0.5 / SLOWNESS
    assert right / (left + right) - 1 / UNITS <= shares_of(sharing, 12)[1] < 0.5
    assert shares_of(after(lambda step: np.ones(2), 40, UNITS, sharing, 12), 40)[1] == (
        pytest.approx(0.5, abs=1 / UNITS)
    )


def test_a_thread_left_without_work_comes_back():
    sharing, step = equal_shares(1, 2), 0
    while shares_of(sharing, step)[1]:
        step += 1
        after(lambda step: np.array([1.0, 1e-3]), step, 8, sharing, step - 1)
        assert step < 100
    sharing = after(lambda step: np.ones(2), step + 100, 8, sharing, step)
    assert shares_of(sharing, step + 100)[1] == pytest.approx(0.5, abs=1 / 8)


def test_the_first_step_of_a_call_and_a_clock_that_stands_still_change_nothing():
    for step, busy in ((0, [3, 1]), (5, [0, 7]), (5, [0, 0])):
        sharing = equal_shares(2, 2)
        sharing.busy[:] = busy
        share_anew(*sharing, step, 1, UNITS)
        assert np.array_equal(sharing.cuts, equal_shares(2, 2).cuts)
        assert np.array_equal(sharing.shares, equal_shares(2, 2).shares)


def test_a_phase_is_shared_by_its_own_times():
    sharing = equal_shares(3, 2)
    sharing.busy[:, 1] = [1000, 3000]
    share_anew(*sharing, 1, 1, UNITS)
    assert shares_of(sharing, 2, 1)[0] > 0.5
    assert shares_of(sharing, 1, 1).tolist() == [0.5, 0.5]  # other threads may still read these
    for phase in (0, 2):
        assert shares_of(sharing, 2, phase).tolist() == [0.5, 0.5]


def test_plain_code_knows_no_time():
    assert clock() == 0
