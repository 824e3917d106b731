"""A network's picture: columns of units, widths, layers, learned parameters."""

import xml.etree.ElementTree as ET
from itertools import combinations

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.views.graph.boxes import Text
from pullback.views.network import SHOWN, Column, Network, Parameter

SVG = "{http://www.w3.org/2000/svg}"


def trained(*layers, inputs=20):
    X = np.random.default_rng(0).normal(size=(12, inputs))
    settings = {"batch_size": "full", "epochs": 1}
    return pb.train(pb.nn.Sequential(*layers), X, np.arange(12) % 3, **settings).model


def squared(x):
    return x * x


def circles(svg):
    """The number of circles in each column."""
    columns = [g for g in ET.fromstring(svg).iter(f"{SVG}g") if g.get("class") == "pb-column"]
    return [
        sum(c.get("class").startswith("pb-unit") for c in g.iter(f"{SVG}circle")) for g in columns
    ]


def test_layers_and_parameters_stand_at_the_units_that_they_give():
    model = trained(
        pb.nn.Dense(64), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dense(5), squared, pb.nn.Dense(3)
    )
    inputs, first, second, outputs = model.to_graph().columns
    assert inputs == Column("inputs", 20)
    assert (first.units, first.layers) == (64, ("Dense(64)", "BatchNorm", "ReLU"))
    assert [(p.name, p.shape) for p in first.parameters] == [
        ("W1", (20, 64)),
        ("b1", (64,)),
        ("gamma1", (64,)),
        ("beta1", (64,)),
    ]
    assert (second.units, second.layers) == (5, ("Dense(5)", "squared"))
    assert (outputs.role, outputs.units, outputs.layers) == ("outputs", 3, ("Dense(3)",))


def test_a_network_has_the_same_picture_before_it_is_trained():
    hidden = [pb.nn.Dense(6), pb.nn.BatchNorm(), pb.nn.PReLU(), pb.nn.BatchNorm()]
    layers = [pb.nn.LayerNorm(), *hidden, pb.nn.Dense(3)]
    before = pb.nn.Sequential(*layers).to_graph(20)
    assert before.columns == trained(*layers).to_graph().columns


@pytest.mark.parametrize("inputs", [0, 2.5, True])
def test_a_network_of_no_inputs_is_refused(inputs):
    with pytest.raises(UsageError, match="whole numbers above 0"):
        pb.nn.Sequential(pb.nn.Dense(3)).to_graph(inputs)


def test_the_total_is_the_models():
    model = trained(pb.nn.Dense(7), pb.nn.PReLU(), pb.nn.Dense(3))
    network = model.to_graph()
    assert network.size == sum(value.size for value in model.params.values()) == 172
    assert str(network).splitlines()[-1] == "172 learned parameters, float32"
    assert "172 learned parameters, float32" in network.svg()


def test_layers_before_the_first_units_belong_to_the_inputs():
    inputs, *_ = trained(pb.nn.LayerNorm(), pb.nn.Dense(3)).to_graph().columns
    assert (inputs.units, inputs.layers) == (20, ("LayerNorm",))
    assert [p.name for p in inputs.parameters] == ["gamma0", "beta0"]


class Halves:
    """A layer of the user's own, with units of its own."""

    def init(self, random, shape):
        return {"W": random.normal(size=(shape[0], 4))}, {}

    def apply(self, params, state, x, *, training):
        return x @ params["W"] / 2, state

    def __str__(self):
        return "Halves"


def test_a_layer_of_ones_own_with_parameters_gives_units():
    columns = trained(Halves(), pb.nn.Tanh(), pb.nn.Dense(3)).to_graph().columns
    assert [(c.units, c.layers) for c in columns] == [
        (20, ()),
        (4, ("Halves", "Tanh")),
        (3, ("Dense(3)",)),
    ]


def test_a_model_that_was_saved_has_the_same_picture(tmp_path):
    pytest.importorskip("safetensors")
    model = trained(pb.nn.Dense(6), pb.nn.Tanh(), pb.nn.Dense(3))
    model.save(tmp_path / "model.safetensors")
    assert pb.load(tmp_path / "model.safetensors").to_graph() == model.to_graph()


def test_wide_columns_are_shortened():
    network = Network(
        (Column("inputs", SHOWN), Column("hidden units", SHOWN + 1), Column("outputs", 1)),
        "float64",
    )
    assert circles(network.svg()) == [SHOWN, SHOWN, 1]
    assert network.svg().count("pb-dot") == 3 + 1


def test_every_unit_is_joined_to_every_unit_of_the_next_column():
    svg = Network((Column("inputs", 3), Column("outputs", 4)), "float64").svg()
    (links,) = ET.fromstring(svg).iter(f"{SVG}path")
    assert links.get("d").count("M") == 12


def test_labels_do_not_overlap():
    many = tuple(Parameter(f"a_rather_long_name_{i}", (784, 1024)) for i in range(3))
    columns = [Column("hidden units", 1024, ("RandomizedLeakyReLU(0.1, 0.3)",), many)] * 3
    svg = Network((Column("inputs", 784), *columns), "float32").svg()
    root = ET.fromstring(svg)
    texts = [
        Text(float(t.get("x")), float(t.get("y")), t.get("text-anchor", "start"), kind, t.text)
        for t in root.iter(f"{SVG}text")
        for kind in [t.get("class").removeprefix("pb-")]
    ]
    assert len(texts) == 1 + 3 * 5 + 1
    for a, b in combinations(texts, 2):
        assert not a.box.overlaps(b.box)
    for text in texts:
        assert text.box.x >= 0
        assert text.box.x + text.box.width <= float(root.get("width"))
        assert text.box.y + text.box.height <= float(root.get("height"))


def test_each_column_says_what_it_is():
    network = trained(pb.nn.Dense(3)).to_graph()
    root = ET.fromstring(network.svg())
    titles = [g.find(f"{SVG}title").text for g in root.iter(f"{SVG}g")]
    assert titles == ["20 inputs", "3 outputs by Dense(3); learned W1 20x3, b1 3"]
    assert "20 inputs; 3 outputs" in root.get("aria-label")


def test_it_is_written_like_a_graph(tmp_path):
    network = trained(pb.nn.Dense(3)).to_graph()
    network.save(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == network._repr_svg_()
    assert 'c1 [label="3 outputs\\nDense(3)\\nW1 20x3 = 60\\nb1 3"];' in network.dot()
    with pytest.raises(UsageError, match=r"\.svg or \.dot"):
        network.save(tmp_path / "net.pdf")
