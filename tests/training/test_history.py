"""A history, a run and a model draw themselves in a notebook."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import pullback as pb
from pullback.training.history import History


@pytest.fixture(scope="module")
def run():
    random = np.random.default_rng(0)
    X = random.normal(size=(40, 3))
    labels = np.where(X[:, 0] > 0, "<b>", "a&b")
    net = pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(2))
    return pb.train(net, X, labels, validation=0.25, epochs=3, seed=0)


def titles(html):
    return re.findall(r"<title>(\w[\w ]*)</title><desc>", html)


def parsed(html):
    """The tree of HTML that is written as XML; nothing of it comes from elsewhere."""
    for word in ("src=", "href=", "@import", "url(http", "<script"):
        assert word not in html
    return ElementTree.fromstring(f"<body>{html}</body>")


def test_a_history_shows_its_curves_and_its_last_values(run):
    html = run.history._repr_html_()
    assert titles(html) == ["loss", "accuracy"]
    cells = [each.text for each in parsed(html).iter("td")]
    last = run.history[-1]
    assert cells == [f"{value:.6g}" for value in last.values()]
    heads = [each.text for each in parsed(html).iter("th")][2:]
    assert heads == list(last)
    for word, key in (("trained on", "loss"), ("watched", "validation_accuracy")):
        assert f"{word}: {run.history[0][key]:.4g} at epoch 0" in html


def test_a_history_without_watched_rows_has_one_line():
    history = History([{"epoch": 0, "loss": 4.0}, {"epoch": 1, "loss": math.nan}])
    html = history._repr_html_()
    assert "watched" not in html
    assert "trained on: 4 at epoch 0" in html
    assert "nan" in html
    parsed(html)
    assert History()._repr_html_() == "<p>No epoch was trained.</p>"


def test_a_history_is_a_tuple_of_records(run):
    assert isinstance(run.history, tuple)
    assert [record["epoch"] for record in run.history] == [0, 1, 2, 3]


def test_a_model_shows_its_units_and_parameters(run):
    tree = parsed(run.model._repr_html_())
    assert tree.find(".//{*}svg") is not None
    rows = [[cell.text for cell in row] for row in tree.iter("tr")]
    assert rows == [
        ["parameter", "shape", "numbers"],
        ["W1", "3 x 4", "12"],
        ["b1", "4", "4"],
        ["W2", "4 x 2", "8"],
        ["b2", "2", "2"],
    ]


def test_a_run_shows_history_and_model(run):
    html = run._repr_html_()
    parsed(html)
    assert run.history._repr_html_() in html
    assert run.model._repr_html_() in html
    assert len(html) < 40_000
