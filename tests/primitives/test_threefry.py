"""The generator gives the published answers, and its streams do what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullback.errors import UsageError
from pullback.primitives.threefry import random_bits, threefry2x32

WORD = st.integers(0, 2**32 - 1)
ONES = 0xFFFFFFFF


def reference(key, counter):
    """Threefry-2x32-20 in Python's own integers, written from the paper's definition."""
    mask = 0xFFFFFFFF
    rotations = [13, 15, 26, 6, 17, 29, 16, 24]
    keys = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    x0, x1 = (counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask
    for r in range(20):
        x0 = (x0 + x1) & mask
        bits = rotations[r % 8]
        x1 = ((x1 << bits) | (x1 >> (32 - bits))) & mask
        x1 ^= x0
        if (r + 1) % 4 == 0:
            s = (r + 1) // 4
            x0 = (x0 + keys[s % 3]) & mask
            x1 = (x1 + keys[(s + 1) % 3] + s) & mask
    return x0, x1


# Random123, kat_vectors, "threefry2x32 20".
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_the_published_answers(counter, key, answer):
    assert tuple(int(word) for word in threefry2x32(key, counter)) == answer


@given(key=st.tuples(WORD, WORD), counter=st.tuples(WORD, WORD))
def test_equal_to_the_definition(key, counter):
    assert tuple(int(word) for word in threefry2x32(key, counter)) == reference(key, counter)


def test_words_broadcast():
    keys = np.array([[1], [2]], dtype=np.uint32)
    counters = np.array([5, 6, ONES], dtype=np.uint32)
    words = threefry2x32((keys, 3), (counters, 4))
    assert [word.shape for word in words] == [(2, 3), (2, 3)]
    assert [word.dtype for word in words] == [np.uint32, np.uint32]
    for i, key in enumerate([1, 2]):
        for j, counter in enumerate([5, 6, ONES]):
            expected = reference((key, 3), (counter, 4))
            assert (int(words[0][i, j]), int(words[1][i, j])) == expected


def test_each_of_the_four_words_may_be_the_array():
    for place in range(4):
        words = [7, 8, 9, 10]
        words[place] = np.array([1, 2], dtype=np.uint32)
        answers = threefry2x32(tuple(words[:2]), tuple(words[2:]))
        for i in range(2):
            each = [int(w[i]) if isinstance(w, np.ndarray) else w for w in words]
            assert tuple(int(a[i]) for a in answers) == reference(each[:2], each[2:])


def test_the_arguments_are_not_written_to():
    counter = np.arange(4, dtype=np.uint32)
    threefry2x32((0, 0), (counter, counter))
    assert counter.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("word", [-1, 2**32, 0.5, np.array([1, 2])])
def test_a_word_that_is_no_32_bit_word_is_refused(word):
    with pytest.raises(UsageError, match="counter word"):
        threefry2x32((0, 0), (0, word))


@given(
    seed=st.integers(0, 2**64 - 1),
    stream=st.tuples(WORD, WORD),
    start=st.sampled_from([0, 1, 2**32 - 2, 2**64 - 3]),
)
def test_bits_are_keyed_by_seed_stream_and_place(seed, stream, start):
    key = reference((seed & ONES, seed >> 32), stream)
    expected = []
    for place in range(start, start + 3):
        high, low = reference(key, (place & ONES, place >> 32))
        expected.append(high << 32 | low)
    bits = random_bits(seed, stream, 3, start)
    assert bits.dtype == np.uint64
    assert bits.tolist() == expected


def test_bits_of_a_part_are_the_part_of_the_bits():
    whole = random_bits(5, (1, 2), 100)
    assert np.array_equal(random_bits(5, (1, 2), 60, start=40), whole[40:])


def test_bits_golden():
    golden = [0x8573BD612ABB2B5C, 0xE22FE02D324A1C26, 0xC5FEF7712D57ADAF]
    assert random_bits(1, (2, 3), 3).tolist() == golden


def test_every_part_of_the_key_matters():
    draws = [
        random_bits(0, (0, 0), 4),
        random_bits(1, (0, 0), 4),
        random_bits(2**32, (0, 0), 4),
        random_bits(0, (1, 0), 4),
        random_bits(0, (0, 1), 4),
    ]
    assert len({tuple(draw.tolist()) for draw in draws}) == len(draws)


def test_each_bit_is_set_half_of_the_time():
    rows = 20_000
    bits = random_bits(3, (0, 0), rows)
    for place in range(64):
        share = float(((bits >> np.uint64(place)) & np.uint64(1)).mean())
        assert abs(share - 0.5) < 5 * 0.5 / rows**0.5  # five standard deviations


def test_no_numbers_are_an_empty_array():
    assert random_bits(0, (0, 0), 0).shape == (0,)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"seed": 0.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"stream": (2**32, 0)}, "step"),
        ({"stream": (0, -1)}, "operation"),
        ({"count": -1}, "count"),
        ({"start": 2**64 - 1}, "start"),
    ],
)
def test_what_is_out_of_range_is_named(change, named):
    arguments = {"seed": 0, "stream": (0, 0), "count": 2, "start": 0, **change}
    with pytest.raises(UsageError, match=f"^{named} must be"):
        random_bits(**arguments)
