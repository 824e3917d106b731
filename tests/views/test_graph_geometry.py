"""No picture has overlapping boxes or labels, or a wire through what is not its own."""

from dataclasses import replace

import numpy as np
import pytest
from golden_programs import PROGRAMS
from graph_geometry import faults_of
from graph_programs import PICTURES, two_layer_gradient, two_layer_values

import pullback as pb
from pullback.views.graph.boxes import shape_of, width_of


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("name", PICTURES)
def test_nothing_overlaps(name, direction):
    assert faults_of(PICTURES[name]().to_graph(direction=direction).picture) == []


@pytest.mark.parametrize("direction", ["right", "down"])
def test_nothing_overlaps_with_values(direction):
    graph = two_layer_gradient().to_graph(two_layer_values(), direction=direction)
    assert faults_of(graph.picture) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_overlaps_in_a_gradient_read_from_a_file(name):
    program = pb.Program.from_json(PROGRAMS[name]().to_json())
    assert faults_of(program.to_graph().picture) == []


def test_nothing_overlaps_with_two_hundred_nodes():
    def wide(x):
        parts = [np.tanh(x * k) + np.exp(-x / k) for k in range(1, 41)]
        return sum(np.sum(part) for part in parts)

    graph = pb.grad(pb.trace(wide, x="N"), wrt="x").to_graph(most=400)
    assert len(graph.scene.nodes) > 200
    assert faults_of(graph.picture) == []


@pytest.mark.parametrize("by", [(0.0, 60.0), (150.0, 0.0), (-900.0, 0.0)])
def test_a_node_out_of_its_place_is_noticed(by):
    picture = two_layer_gradient().to_graph(direction="right").picture
    nodes = list(picture.nodes)
    at = next(i for i, placed in enumerate(nodes) if placed.node.var == "h_relu")
    moved = nodes[at].box.moved(*by)
    nodes[at] = replace(nodes[at], box=moved)
    assert faults_of(replace(picture, nodes=tuple(nodes)))


def test_a_wire_through_a_box_is_noticed():
    picture = two_layer_gradient().to_graph(direction="right").picture
    box = next(placed.box for placed in picture.nodes if placed.node.var == "h_relu")
    y = box.y + box.height / 2
    wire = replace(picture.wires[0], points=((0, y), (900, y), (910, y), (920, y)))
    assert faults_of(replace(picture, wires=(wire,)))


def test_text_is_given_the_room_that_it_needs():
    """The widest common monospaced fonts advance by 0.602 of their size, CJK characters by 1."""
    assert width_of("x" * 100, 10.0) >= 602
    assert width_of("\u53d8\u91cf", 10.0) >= 20


@pytest.mark.parametrize("name", ["two layers", "five children", "deep", "moves"])
def test_no_wire_is_bent_by_only_a_few_pixels(name):
    picture = PICTURES[name]().to_graph(direction="down").picture
    bends = [abs(wire.points[2][0] - wire.points[1][0]) for wire in picture.wires]
    assert [bend for bend in bends if 0 < bend < 8] == []
    assert 0 in bends


@pytest.mark.parametrize("sideways", [True, False])
@pytest.mark.parametrize("name", ["two layers", "five children", "moves"])
def test_the_layout_knows_the_whole_extent_of_a_node(name, sideways):
    for node in PICTURES[name]().to_graph().scene.nodes:
        for main in (None, *range(len(node.entries))):
            shape = shape_of(node, sideways, main)
            along, across = shape.block.length, shape.block.before + shape.block.after
            size = (along, across) if sideways else (across, along)
            corner = (0, -shape.block.before) if sideways else (-shape.block.before, 0)
            for part in (shape.box, *(text.box for text in shape.texts)):
                assert part.x >= corner[0]
                assert part.y >= corner[1]
                assert part.x + part.width <= corner[0] + size[0] + 1e-9
                assert part.y + part.height <= corner[1] + size[1] + 1e-9


def test_a_small_picture_runs_to_the_right_and_a_deep_one_down():
    assert PICTURES["one operation"]().to_graph().picture.sideways
    assert not PICTURES["loop"]().to_graph().picture.sideways


def test_the_same_program_is_always_drawn_alike():
    first, second = (PICTURES["batch norm"]().to_graph().svg() for _ in range(2))
    assert first == second
