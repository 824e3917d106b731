"""Pictures as SVG and DOT: well formed, self-contained, accessible, marked by variable."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from graph_programs import PICTURES, two_layer_gradient, two_layer_values

import pullback as pb
from pullback.errors import UsageError
from pullback.views.graph.dot import quoted
from pullback.views.graph.style import DARK, LIGHT

SVG = "{http://www.w3.org/2000/svg}"


def elements(graph):
    return ET.fromstring(graph.svg())


def groups(graph, kind):
    return [g for g in elements(graph).iter(f"{SVG}g") if kind in g.get("class", "").split()]


@pytest.mark.parametrize("name", PICTURES)
def test_svg_is_well_formed_and_self_contained(name):
    svg = PICTURES[name]().to_graph().svg()
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"href|url\(|<script|@import|<image|<use", svg)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_nodes_and_wires_are_marked_by_variable():
    graph = two_layer_gradient().to_graph()
    variables = {"x", "y", "W1", "W2", "h", "h_relu", "y_pred", "subtract", "power", "sum_1"}
    assert {g.get("data-var") for g in groups(graph, "pb-node")} == variables
    assert {g.get("data-var") for g in groups(graph, "pb-wire")} == variables


def test_each_node_says_what_it_is():
    graph = two_layer_gradient().to_graph(two_layer_values())
    said = {g.get("data-node"): g.find(f"{SVG}title").text for g in groups(graph, "pb-node")}
    assert said["n_h_relu"].startswith("h_relu = maximum(h, 0), shape (4, 3)")
    assert re.search(r"Error signal: \d+ of 12 entries stopped", said["n_h_relu"])
    assert "Error signal dW1, shape (5, 3): " in said["n_W1"]
    assert all(g.get("role") == "img" for g in groups(graph, "pb-node"))


def test_a_wire_says_what_comes_back_along_it():
    (wire,) = [
        g
        for g in groups(two_layer_gradient().to_graph(), "pb-wire")
        if g.get("data-var") == "h_relu"
    ]
    assert "y_pred sends back dy_pred @ W2.T." in wire.find(f"{SVG}title").text


def test_error_signals_flow_only_where_they_are_wanted():
    back = {
        g.get("data-var")
        for g in groups(two_layer_gradient().to_graph(), "pb-wire")
        if any("pb-back" in path.get("class", "") for path in g.iter(f"{SVG}path"))
    }
    assert back == {"W1", "W2", "h", "h_relu", "y_pred", "subtract", "power", "sum_1"}


def test_the_picture_follows_light_and_dark_mode():
    svg = two_layer_gradient().to_graph().svg()
    assert "prefers-color-scheme:dark" in svg
    assert f"--pb-ground:{DARK['ground']}" in svg
    assert set(LIGHT) == set(DARK)
    used = set(re.findall(r"var\(--pb-(\w+)\)", svg))
    assert used <= set(LIGHT)


def luminance(colour):
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_legible(colours):
    """WCAG 2.1, 1.4.3: a contrast of 4.5 for text on every ground that it stands on."""
    for text in ("ink", "soft"):
        for ground in ("ground", "box", "input", "learned"):
            assert contrast(colours[text], colours[ground]) >= 4.5
    for text in ("value", "error"):
        assert contrast(colours[text], colours["ground"]) >= 4.5
    assert contrast(colours["ink"], colours["mark"]) >= 4.5


def test_names_from_a_program_are_escaped():
    program = pb.trace(lambda x: np.sum(np.where(x < 0, 0.0, x)), x="N")
    graph = program.to_graph()
    ET.fromstring(graph.svg())
    assert "<lambda>" not in graph.svg()


DOT_LINE = re.compile(
    r"""
    digraph\ "(?:[^"\\]|\\.)*"\ \{ | \} | \ \ rankdir=(LR|TB); | \ \ (node|edge)\ \[.*\];
    | \ \ "(?:[^"\\]|\\.)*"(\ ->\ "(?:[^"\\]|\\.)*")?\ \[(\w+=("(?:[^"\\]|\\.)*"|\w+)(,\ )?)+\];
    """,
    re.VERBOSE,
)


@pytest.mark.parametrize("name", PICTURES)
def test_dot_is_well_formed(name):
    lines = PICTURES[name]().to_graph().dot().strip().split("\n")
    assert [line for line in lines if not DOT_LINE.fullmatch(line)] == []


def test_dot_has_an_edge_for_each_wire_and_each_error_signal():
    graph = two_layer_gradient().to_graph()
    dot = graph.dot()
    entries = [entry for node in graph.scene.nodes for entry in node.entries]
    back = sum(entry.signal for entry in entries)
    assert back == 8
    assert dot.count(" -> ") == len(entries) + back
    assert '"n_h" -> "n_h_relu"' in dot
    assert '"n_h_relu" -> "n_h"' in dot


def test_dot_quotes_what_needs_it():
    assert quoted('a "b"\\\n') == '"a \\"b\\"\\\\\\n"'


def test_a_picture_is_written_in_the_form_of_the_files_ending(tmp_path):
    graph = two_layer_gradient().to_graph()
    for name, text in (("a.svg", graph.svg()), ("a.dot", graph.dot()), ("a.GV", graph.dot())):
        graph.save(tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8") == text
    with pytest.raises(UsageError, match=r"a picture is written as \.svg or \.dot"):
        graph.save(tmp_path / "a.png")


def test_a_notebook_draws_it():
    graph = two_layer_gradient().to_graph()
    assert graph._repr_svg_() == graph.svg()
