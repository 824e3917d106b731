"""The memory plan: no two values that are needed at once overlap, and the block is small."""

import numpy as np
import pytest

from pullback.engines.memory import ALIGNMENT, Lifetime, plan
from pullback.errors import UsageError


def some_lifetimes(random, count):
    firsts = random.integers(0, count, count)
    lasts = firsts + random.integers(0, 8, count)
    entries = random.choice([0, 1, 10, 64, 200, 640, 4096], count)
    return [
        Lifetime(f"v{i}", int(n), int(a), int(b))
        for i, (n, a, b) in enumerate(zip(entries, firsts, lasts, strict=True))
    ]


def overlaps(found):
    values = list(zip(found.lifetimes, found.offsets, strict=True))
    return [
        (one.name, other.name)
        for i, (one, start) in enumerate(values)
        for other, begin in values[:i]
        if one.meets(other) and start < begin + other.entries and begin < start + one.entries
    ]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("itemsize", [1, 4, 8])
def test_no_two_live_values_overlap_and_the_block_is_near_the_peak(seed, itemsize):
    random = np.random.default_rng(seed)
    lifetimes = some_lifetimes(random, int(random.integers(1, 60)))
    found = plan(lifetimes, itemsize)
    assert overlaps(found) == []
    assert all(offset * itemsize % ALIGNMENT == 0 for offset in found.offsets)
    ends = [o + v.entries for o, v in zip(found.offsets, found.lifetimes, strict=True)]
    assert max(ends) <= found.total
    # Each value that is needed at the peak may be rounded up to a cache line.
    most_live = max(sum(a.first <= b.first <= a.last for a in lifetimes) for b in lifetimes)
    slack = most_live * (ALIGNMENT // itemsize)
    assert found.peak <= found.total <= 1.35 * (found.peak + slack)


def test_the_overlap_test_sees_an_overlap():
    found = plan([Lifetime("a", 64, 0, 2), Lifetime("b", 64, 1, 3)])
    moved = type(found)(found.lifetimes, (0, 32), found.total, found.peak, 1)
    assert overlaps(found) == []
    assert overlaps(moved) == [("b", "a")]


def test_a_chain_takes_two_places_and_values_needed_throughout_have_their_own():
    chain = [Lifetime(f"h{i}", 1000, i, i + 1) for i in range(20)]
    kept = Lifetime("x", 500, 0, 20)
    assert plan(chain).total == 2 * 1024
    assert plan([*chain, kept]).total == 2 * 1024 + 512


def test_it_prints_as_a_table_and_is_the_same_each_time():
    lifetimes = [Lifetime("z", 16, 0, 1), Lifetime("none", 0, 0, 3), Lifetime("y", 3, 2, 3)]
    text = str(plan(lifetimes, 4))
    assert text.splitlines() == [
        "value  bytes  from  to  place",
        "z         64     0   1      0",
        "none       0     0   3      0",
        "y         12     2   3      0",
        "64 bytes; 64 are needed at once, 128 without sharing",
    ]
    assert plan(lifetimes, 4) == plan(list(lifetimes), 4)
    assert plan([]).total == 0


@pytest.mark.parametrize(
    ("lifetime", "itemsize", "message"),
    [
        (Lifetime("h", 3, 2, 1), 1, "h: 3 entries from instruction 2 to 1 are no lifetime"),
        (Lifetime("h", -1, 0, 1), 1, "h: -1 entries"),
        (Lifetime("h", 1, 0, 1), 3, "itemsize=3: it must divide 64"),
        (Lifetime("h", 1, 0, 1), 0, "itemsize=0: it must divide 64"),
    ],
)
def test_what_is_no_lifetime_is_refused(lifetime, itemsize, message):
    with pytest.raises(UsageError, match=message):
        plan([lifetime], itemsize)
