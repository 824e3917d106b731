"""The layout alone: blocks and links without a program."""

import random
from itertools import pairwise

import pytest

from pullback.views.graph.blocks import Block, Link, stations_of
from pullback.views.graph.coordinates import coordinates
from pullback.views.graph.layout import lay_out
from pullback.views.graph.ordering import crossings, order_rows
from pullback.views.graph.ranking import ranks_of
from pullback.views.graph.spacing import APART


def block(key, entries=0):
    return Block(key, 60.0, 20.0, 20.0, tuple(20.0 * i for i in range(entries)))


def chain(length):
    blocks = [block("0")] + [block(str(i), 1) for i in range(1, length)]
    return blocks, [Link(str(i), str(i + 1), 0) for i in range(length - 1)]


def random_graph(seed, size):
    """A graph in which each block reads up to three earlier ones."""
    chance = random.Random(seed)
    blocks, links = [], []
    for number in range(size):
        count = min(number, chance.randint(0, 3))
        sources = [chance.randrange(max(0, number - 12), number) for _ in range(count)]
        blocks.append(block(str(number), count))
        links += [Link(str(source), str(number), i) for i, source in enumerate(sources)]
    return blocks, links


def rows_of(blocks, links):
    return stations_of(blocks, links, ranks_of(blocks, links))


def test_a_block_stands_in_the_row_after_all_that_it_reads():
    blocks, links = random_graph(1, 60)
    ranks = ranks_of(blocks, links)
    assert min(ranks.values()) == 0
    assert all(ranks[link.source] < ranks[link.target] for link in links)


def test_an_input_stands_right_above_its_first_use():
    blocks = [block("W"), *chain(5)[0]]
    blocks[4] = block("3", 2)
    links = [*chain(5)[1], Link("W", "3", 1)]
    assert ranks_of(blocks, links)["W"] == 2


def test_a_long_link_passes_through_each_row_between():
    blocks, links = chain(4)
    blocks[3] = block("3", 2)
    rows = rows_of(blocks, [*links, Link("0", "3", 1)])
    assert [len(row) for row in rows] == [1, 2, 2, 1]
    assert [station.block is None for station in rows[1]] == [False, True]


def test_links_of_one_source_share_their_passages():
    blocks, links = chain(5)
    blocks[3], blocks[4] = block("3", 2), block("4", 2)
    rows = rows_of(blocks, [*links, Link("0", "3", 1), Link("0", "4", 1)])
    assert [len(row) for row in rows] == [1, 2, 2, 2, 1]


def test_crossings_are_counted():
    blocks = [block("a"), block("b"), block("c", 1), block("d", 1)]
    straight = [Link("a", "c", 0), Link("b", "d", 0)]
    crossed = [Link("a", "d", 0), Link("b", "c", 0)]
    assert crossings(rows_of(blocks, straight)) == 0
    assert crossings(rows_of(blocks, crossed)) == 1
    assert crossings(order_rows(rows_of(blocks, crossed))) == 0


def test_entries_of_one_block_cross_by_their_order():
    blocks = [block("a"), block("b"), block("c", 2)]
    assert crossings(rows_of(blocks, [Link("a", "c", 1), Link("b", "c", 0)])) == 1
    assert crossings(rows_of(blocks, [Link("a", "c", 0), Link("b", "c", 1)])) == 0


@pytest.mark.parametrize("seed", range(4))
def test_ordering_keeps_all_stations_and_never_adds_crossings(seed):
    rows = rows_of(*random_graph(seed, 50))
    ordered = order_rows(rows)
    assert crossings(ordered) < crossings(rows)
    for before, after in zip(rows, ordered, strict=True):
        assert {id(station) for station in before} == {id(station) for station in after}


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_in_a_row_keep_their_distance(seed):
    rows = order_rows(rows_of(*random_graph(seed, 50)))
    across = coordinates(rows)
    for row in rows:
        for left, right in pairwise(row):
            room = across[id(right)] - right.before - across[id(left)] - left.after
            assert room >= APART - 0.2


def test_a_chain_is_exactly_straight():
    blocks, links = chain(30)
    assert {place.across for place in lay_out(blocks, links).places.values()} == {20.0}


def test_a_long_link_is_straight_on_its_way():
    blocks, links = chain(12)
    blocks[11] = Block("11", 60.0, 20.0, 20.0, (0.0, 15.0))
    layout = lay_out(blocks, [*links, Link("0", "11", 1)])
    on_the_way = {
        stretch.start[1]
        for stretch in layout.stretches
        if ("11", 1) in stretch.serves and not stretch.leaves
    }
    assert len(on_the_way) == 1


def test_a_fork_lies_where_its_links_part():
    blocks = [block("a"), block("b", 1), block("c", 1)]
    layout = lay_out(blocks, [Link("a", "b", 0), Link("a", "c", 0)])
    ((source, point),) = layout.forks
    assert source == "a"
    assert {stretch.bend for stretch in layout.stretches} == {point}


def test_a_stretch_knows_the_links_that_run_through_it():
    blocks, links = chain(3)
    blocks[2] = block("2", 2)
    layout = lay_out(blocks, [*links, Link("0", "2", 1)])
    served = sorted(sorted(stretch.serves) for stretch in layout.stretches)
    assert served == [[("1", 0)], [("2", 0)], [("2", 1)], [("2", 1)]]


def test_the_same_graph_is_always_laid_out_alike():
    assert lay_out(*random_graph(7, 80)) == lay_out(*random_graph(7, 80))


def test_no_blocks_make_an_empty_layout():
    layout = lay_out([], [])
    assert (layout.length, layout.breadth, layout.stretches) == (0.0, 0.0, ())
