"""Large programs are folded: by statement, by round or layer, then by as much as need be."""

from functools import cache

import numpy as np
import pytest
from graph_geometry import faults_of
from graph_programs import PICTURES, two_layer_gradient

import pullback as pb


@cache
def deep(most):
    return PICTURES["deep"]().to_graph(most=most)


def boxes(graph):
    return [node for node in graph.scene.nodes if node.kind == "folded"]


def test_two_hundred_nodes_are_drawn_one_by_one():
    assert boxes(PICTURES["loop"]().to_graph()) == []


@pytest.mark.parametrize("most", [10, 30, 70, 150, 200])
def test_no_more_nodes_than_asked_for_and_nothing_lost(most):
    graph = deep(most)
    assert 2 <= len(graph.scene.nodes) <= most
    held = [v for n in graph.scene.nodes if n.kind != "output" for v in n.holds or (n.var,)]
    whole = [n.var for n in deep(1000).scene.nodes if n.kind != "output"]
    assert sorted(held) == sorted(whole)
    assert faults_of(graph.picture) == []


def test_first_statements_are_folded():
    graph = deep(200)
    assert {box.notes for box in boxes(graph)} == {("2 operations",)}
    assert boxes(graph)[1].title == "z_2"
    assert boxes(graph)[1].holds == ("matmul_2", "z_2")


def test_then_layers():
    graph = deep(150)
    assert boxes(graph)[3].title == "z_4 … h_4"
    assert boxes(graph)[3].value == ("h_4 (N, 8)",)
    assert [entry.var for entry in boxes(graph)[3].entries] == ["h_3", "W3", "b3"]


def test_then_their_parameters_too():
    graph = deep(60)
    assert boxes(graph)[3].notes == ("3 operations", "with 2 inputs")
    assert boxes(graph)[3].holds[:2] == ("b3", "W3")


def test_numbered_names_of_layers_are_rounds():
    net = pb.nn.Sequential(*[layer for _ in range(30) for layer in (pb.nn.Dense(4), pb.nn.Tanh())])
    params, state = net.init(np.random.default_rng(0), (4,))

    def loss(x, params):
        return np.mean(net.apply(params, state, x, training=False)[0] ** 2)

    shapes = {name: " ".join(map(str, value.shape)) for name, value in params.items()}
    graph = pb.trace(loss, x="N 4", params=shapes).to_graph(most=100)
    assert boxes(graph)[4].title == "z5 … h5"


def test_a_box_says_what_it_holds():
    box = boxes(deep(150))[3]
    assert box.description == "3 operations, z_4 … h_4, folded into one box"
    assert any(line.startswith("z_4 = matmul_4 + b3") for line in box.details)
    assert 'data-holds="matmul_4 z_4 h_4"' in deep(150).svg()


def test_a_value_used_in_two_boxes_is_one_wire_to_each():
    graph = PICTURES["loop"]().to_graph(most=30)
    users = [box for box in boxes(graph) if any(e.var == "W" for e in box.entries)]
    assert len(users) == 20
    assert all(sum(e.var == "W" for e in box.entries) == 1 for box in users)


def test_error_signals_flow_through_boxes():
    graph = deep(150)
    assert all(entry.signal for entry in boxes(graph)[3].entries)


def test_stages_are_not_mixed():
    read = pb.Program.from_json(two_layer_gradient().to_json())
    graph = read.to_graph(most=10)
    nodes = [node for node in read.to_graph().scene.nodes if node.kind != "output"]
    stages = {node.var: node.stage for node in nodes}
    assert boxes(graph)
    for box in boxes(graph):
        assert len({stages[var] for var in box.holds}) == 1


def test_a_program_that_never_names_a_value_is_folded_too():
    def unnamed(x):
        return np.sum(np.tanh(np.tanh(np.tanh(np.tanh(np.tanh(np.tanh(np.tanh(x))))))) ** 2 + x)

    graph = pb.trace(unnamed, x="N").to_graph(most=10)
    assert len(graph.scene.nodes) <= 10


def test_a_value_that_steers_first_and_takes_part_then_carries_its_error_signal():
    def masked(x):
        a = (x > 0) * x
        b = (a > 1) * a
        c = (b > 2) * b
        d = (c > 3) * c
        e = (d > 4) * d
        return np.sum(e)

    graph = pb.trace(masked, x="N").to_graph(most=10)
    assert [len(box.entries) for box in boxes(graph)] == [1] * 5
    assert all(box.entries[0].signal for box in boxes(graph))
