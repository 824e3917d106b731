"""What programs and tables show of themselves in a notebook: well-formed, escaped, offline."""

from xml.etree import ElementTree

import numpy as np
import pytest

import pullback as pb
from pullback.views.notebook import MOST_OPEN, folded, table_html


def network(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


def chained(x):
    for _ in range(MOST_OPEN):
        x = np.sin(x)
    return np.sum(x)


def compared(x):
    return np.sum(np.where((x > 1) & (x < 3), x, 0.0))


def parsed(html):
    """The tree of a piece of HTML that is written as XML; raises where it is not well formed."""
    for word in ("src=", "href=", "@import", "url(http", "<script"):
        assert word not in html
    return ElementTree.fromstring(f"<body>{html}</body>")


def text_of(tree):
    return "".join(tree.itertext())


@pytest.mark.parametrize(
    "program",
    [
        pb.trace(network, x="N D", y="N C", W1="D H", W2="H C"),
        pb.grad(pb.trace(network, x="N D", y="N C", W1="D H", W2="H C"), wrt=["W1", "W2"]),
        pb.grad(pb.trace(compared, x="N")),
    ],
)
def test_a_program_shows_source_equations_and_picture(program):
    tree = parsed(program._repr_html_())
    titles = [each.text for each in tree.iter("summary")]
    assert titles == ["source", "equations", "picture"]
    source, equations, picture = tree.iter("details")
    assert text_of(source).removeprefix("source") == program.to_numpy()
    assert equations.find(".//{*}math") is not None
    assert picture.find(".//{*}svg") is not None
    assert len(program._repr_html_()) < 60_000


def test_large_programs_are_folded_up():
    small = pb.trace(network, x="N D", y="N C", W1="D H", W2="H C")
    assert small._repr_html_().count('<details open="">') == 3
    large = pb.trace(chained, x="N")._repr_html_()
    assert (large.count("<details>"), large.count("<details open")) == (3, 0)


def test_titles_and_cells_are_escaped():
    assert "<summary>a &lt; b</summary>" in folded("a < b", "<p>kept</p>")
    table = table_html(["<name>"], [["a&b", "<td>"]])
    assert "&lt;name&gt;" in table
    assert "a&amp;b" in table
    assert "&lt;td&gt;" in table
