"""A write that would change more than its own variable is refused, with line and remedy."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ShapeError, TraceError

X = np.array([[0.5, -1.5, 2.0], [-0.3, 0.8, -0.7]])


def writes_to_an_argument(x):
    x[0] = 1


def adds_to_an_argument(x):
    x += 1


def puts_out_into_an_argument(x):
    np.exp(x, out=x)


def writes_to_a_slice(x):
    h = np.exp(x)
    part = h[0]
    part[0] = 1


def writes_to_a_reshape(x):
    h = np.exp(x)
    flat = h.ravel()
    flat[0] = 1


def writes_to_a_transpose(x):
    h = np.exp(x)
    turned = h.T
    turned += 1


def adds_to_an_entry(x):
    h = np.exp(x)
    h[0] += 1


def writes_under_a_live_view(x):
    h = np.exp(x)
    row = h[0]
    h[0] = 2.0
    return row


def adds_under_a_live_view(x):
    h = np.exp(x)
    turned = h.T
    h += 1
    return turned


def writes_under_a_view_of_a_view(x):
    h = np.exp(x)
    entry = h[0][1:]
    h[0] = 2.0
    return entry


def writes_to_a_row_of_an_argument(x):
    row = x[0]
    row[0] = 1


REFUSED = {
    writes_to_an_argument: "np.copy",
    adds_to_an_argument: "np.copy",
    puts_out_into_an_argument: "np.copy",
    writes_to_a_slice: "view",
    writes_to_a_reshape: "view",
    writes_to_a_transpose: "view",
    adds_to_an_entry: "h[0] = h[0] + v",
    writes_under_a_live_view: "view",
    adds_under_a_live_view: "view",
    writes_under_a_view_of_a_view: "view",
    writes_to_a_row_of_an_argument: "view",
}


@pytest.mark.parametrize("function", REFUSED)
@pytest.mark.parametrize("way", ["trace", "vjp"])
def test_a_write_that_would_change_more_is_refused(function, way):
    with pytest.raises(TraceError) as caught:
        pb.trace(function, x="2 3") if way == "trace" else pb.vjp(function, X)
    assert REFUSED[function] in str(caught.value)
    assert "test_refused_writes.py, line" in str(caught.value)


def test_a_view_that_is_gone_does_not_stand_in_the_way():
    def f(x):
        h = np.exp(x)
        total = np.sum(h[0])
        h[0] = 2.0
        return h * total

    assert np.array_equal(pb.vjp(f, X)[0], f(X))


def test_a_value_of_the_wrong_shape_is_refused():
    def f(x):
        h = np.exp(x)
        h[0] = np.ones(2)
        return h

    with pytest.raises(ShapeError, match="test_refused_writes.py"):
        pb.trace(f, x="2 3")


def test_out_of_the_wrong_shape_is_refused():
    def f(x):
        h = np.exp(x[0])
        np.multiply(x, 2, out=h)
        return h

    with pytest.raises(ShapeError, match="does not fit"):
        pb.trace(f, x="2 3")


def test_a_mask_that_does_not_fit_is_refused():
    def f(x):
        h = np.exp(x)
        h[np.array([True, False, True])] = 0
        return h

    with pytest.raises(ShapeError, match="mask"):
        pb.trace(f, x="2 3")
