"""The line chart: where its lines lie, what it says in words, what it leaves out."""

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from pullback.views.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, line_chart_svg

SVG = "{http://www.w3.org/2000/svg}"


def lines_of(svg):
    tree = ElementTree.fromstring(svg)
    drawn = [each for each in tree.iter(f"{SVG}path") if each.get("fill") == "none"]
    return [
        [tuple(map(float, pair.split())) for pair in path.get("d")[1:].split("L")] for path in drawn
    ]


def texts_of(svg):
    return {each.text: each for each in ElementTree.fromstring(svg).iter(f"{SVG}text")}


def test_lines_span_the_chart_and_go_up_where_values_rise():
    svg = line_chart_svg("score", {"a": [(0, 1.0), (1, 3.0), (4, 2.0)]}, "epoch")
    ((first, second, third),) = lines_of(svg)
    assert first == (LEFT, HEIGHT - BOTTOM)
    assert second[1] == TOP
    assert third == (WIDTH - RIGHT, (HEIGHT - BOTTOM + TOP) / 2)
    assert second[0] == LEFT + (WIDTH - RIGHT - LEFT) / 4


def test_values_over_a_wide_range_stand_on_a_logarithmic_axis():
    svg = line_chart_svg("loss", {"a": [(0, 100.0), (1, 10.0), (2, 1.0)]}, "epoch")
    ((_, middle, _),) = lines_of(svg)
    assert middle[1] == pytest.approx((HEIGHT - BOTTOM + TOP) / 2, abs=0.1)
    assert {"loss, logarithmic", "1", "10", "100"} <= texts_of(svg).keys()
    with_zero = line_chart_svg("loss", {"a": [(0, 100.0), (1, 0.0)]}, "epoch")
    assert "loss" in texts_of(with_zero)


@pytest.mark.parametrize("low", [0.0, 0.585, -3.0])
@pytest.mark.parametrize("width", [1e-3, 0.7, 0.91, 1.01, 2.0, 9.9, 12345.0])
def test_there_are_a_few_round_ticks(low, width):
    svg = line_chart_svg("score", {"a": [(0, low), (1, low + width)]}, "epoch")
    tree = ElementTree.fromstring(svg)
    ticks = [each.text for each in tree.iter(f"{SVG}text") if each.get("text-anchor") == "end"]
    assert 3 <= len(ticks) <= 11
    assert len(set(ticks)) == len(ticks)


def test_what_is_not_finite_is_left_out():
    svg = line_chart_svg("loss", {"a": [(0, 1.0), (1, math.nan), (2, 2.0), (3, math.inf)]}, "x")
    assert [len(points) for points in lines_of(svg)] == [2]
    nothing = line_chart_svg("loss", {"a": [(0, math.nan)]}, "x")
    assert lines_of(nothing) == []
    assert "There are no finite values." in nothing


@pytest.mark.parametrize("value", [0.0, 2.0, -3.0])
def test_one_point_and_constant_lines_are_drawn(value):
    svg = line_chart_svg("loss", {"a": [(0, value)], "b": [(0, value), (1, value)]}, "epoch")
    assert [len(points) for points in lines_of(svg)] == [1, 2]
    assert "circle" in svg


def test_labels_at_the_ends_do_not_cover_each_other():
    lines = {name: [(0, 0.0), (1, 1.0 + 1e-3 * i)] for i, name in enumerate("abcd")}
    svg = line_chart_svg("loss", lines, "epoch")
    places = sorted(float(texts_of(svg)[name].get("y")) for name in "abcd")
    assert all(after - before >= 12 for before, after in pairwise(places))


def test_it_says_the_same_in_words_and_escapes_names():
    svg = line_chart_svg("a < b", {"x & y": [(0, 1.0), (5, 0.25)]}, "epoch")
    assert "<title>a &lt; b</title>" in svg
    assert "x &amp; y: 1 at epoch 0, 0.25 at epoch 5" in svg
    assert not re.search(r"href|script|style", svg)
