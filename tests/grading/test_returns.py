"""Every form in which people return gradients, and the sentence where it cannot be told."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.grading import UnmatchedError


def forward(x, W, b):
    return np.sum((x @ W + b) ** 2)


X, W, B = (np.random.default_rng(0).normal(size=s) for s in [(5, 4), (4, 3), (3,)])


def gradients(x, W, b):
    d = 2 * (x @ W + b)
    return d @ W.T, x.T @ d, d.sum(0)


def check(shape_of_return, **options):
    def backward(x, W, b):
        return shape_of_return(*gradients(x, W, b))

    return pb.check_backward(forward, backward, X, W, B, **options)


@pytest.mark.parametrize(
    "form",
    [
        lambda dx, dW, db: (dx, dW, db),
        lambda dx, dW, db: [dx, dW, db],
        lambda dx, dW, db: {"dx": dx, "dW": dW, "db": db},
        lambda dx, dW, db: {"W": dW, "b": db, "x": dx},
        lambda dx, dW, db: {"grad_W": dW, "grad_b": db, "grad_x": dx},
        lambda dx, dW, db: {"W_grad": dW, "d_b": db, "dL_dx": dx},
        lambda dx, dW, db: (3.0 * 0 + LOSS, dx, dW, db),
        lambda dx, dW, db: (LOSS, {"dx": dx, "dW": dW, "db": db}),
        lambda dx, dW, db: (dx, {"dW": dW, "db": db}),
        lambda dx, dW, db: {"grads": {"dW": dW, "db": db}, "dx": dx},
    ],
)
def test_all_three_in_any_form(form):
    found = check(form)
    assert found.right, str(found)
    assert [g.name for g in found.gradients] == ["x", "W", "b"]


LOSS = float(forward(X, W, B))


@pytest.mark.parametrize(
    ("form", "names"),
    [
        (lambda dx, dW, db: (dW, db), ["W", "b"]),
        (lambda dx, dW, db: dW, ["W"]),
        (lambda dx, dW, db: {"db": db}, ["b"]),
        (lambda dx, dW, db: (None, dW, db), ["W", "b"]),
        (lambda dx, dW, db: (dx, db), ["x", "b"]),
        (lambda dx, dW, db: (db, dW), ["W", "b"]),
        (lambda dx, dW, db: {"dL/dW": dW}, ["W"]),
    ],
)
def test_fewer_are_told_by_key_place_or_shape(form, names):
    found = check(form)
    assert found.right, str(found)
    assert [g.name for g in found.gradients] == names


def test_wrt_names_them_in_its_order():
    found = check(lambda dx, dW, db: (db, dW), wrt=["b", "W"])
    assert [g.name for g in found.gradients] == ["b", "W"]
    assert found.right


def test_a_gradient_that_wrt_names_and_that_is_missing_is_wrong():
    found = check(lambda dx, dW, db: {"dW": dW}, wrt=["W", "b"])
    assert found.points == {"W": 1, "b": 0}
    assert "it was not returned" in str(found)


def test_two_inputs_of_one_shape_are_told_by_what_must_be_written():
    def product(a, b):
        return np.sum(a * b)

    with pytest.raises(UnmatchedError, match=r'wrt=\["b"\]') as caught:
        pb.check_backward(product, lambda a, b: b, np.ones(3), np.arange(3.0))
    assert caught.value.suggestion == ("b",)
    assert pb.check_backward(product, lambda a, b: b, np.ones(3), np.arange(3.0), wrt="a")


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (lambda *d: None, "returned nothing"),
        (lambda *d: (), "returned nothing"),
        (lambda *d: "dW", "allowed are real numbers"),
        (lambda *d: (*d, *d), "6 arrays, but forward has the floating inputs x, W, b"),
        (lambda *d: {"dw": d[1]}, "names an input; there are x, W, b"),
        (lambda *d: {"dW": d[1], "W": d[1]}, "two gradients of W"),
        (lambda *d: {"dw": d[1], "db": d[2]}, r"\['dw'\] names no input. Did you mean 'dW'"),
        (lambda *d: {"dW": np.array(["a"])}, "allowed are real numbers"),
        (lambda *d: {"dW": 1j * d[1]}, "allowed are real numbers"),
        (lambda *d: np.zeros((7, 7)), "their shapes do not tell"),
    ],
)
def test_what_cannot_be_told_is_refused(form, sentence):
    with pytest.raises(UsageError, match=sentence):
        check(form)


def test_names_that_are_no_inputs_are_remarked_on():
    found = check(lambda dx, dW, db: {"dW": dW, "dh": dx})
    assert found.right
    assert "['dh']" in found.remarks[0]


@pytest.mark.parametrize("wrt", ["V", ["W", "W"], []])
def test_wrt_must_name_floating_inputs_once(wrt):
    with pytest.raises(UsageError, match="wrt="):
        check(lambda dx, dW, db: dW, wrt=wrt)


@pytest.mark.parametrize(
    "form",
    [
        lambda dW, db: {"dparams": {"dW": dW, "db": db}},
        lambda dW, db: {"params": {"W": dW, "b": db}},
        lambda dW, db: {"W": dW, "b": db},
        lambda dW, db: {"dW": dW, "db": db},
        lambda dW, db: [dW, db],
    ],
)
def test_gradients_of_a_container(form):
    def nested(x, params):
        return np.sum((x @ params["W"] + params["b"]) ** 2)

    def backward(x, params):
        _, dW, db = gradients(x, params["W"], params["b"])
        return form(dW, db)

    found = pb.check_backward(nested, backward, X, {"W": W, "b": B})
    assert found.right, str(found)
    assert [g.name for g in found.gradients] == ["params['W']", "params['b']"]


def test_gradients_of_a_list_of_layers():
    def deep(x, layers):
        for layer in layers:
            x = np.tanh(x @ layer["W"])
        return np.sum(x)

    def backward(x, layers):
        h = np.tanh(x @ layers[0]["W"])
        d = 1 - np.tanh(h @ layers[1]["W"]) ** 2
        d1 = (d @ layers[1]["W"].T) * (1 - h**2)
        return {"layers": [{"dW": x.T @ d1}, {"dW": h.T @ d}]}

    layers = [{"W": W}, {"W": np.random.default_rng(1).normal(size=(3, 2))}]
    found = pb.check_backward(deep, backward, X, layers)
    assert found.right, str(found)
    assert [g.name for g in found.gradients] == ["layers[0]['W']", "layers[1]['W']"]


def test_labels_have_no_gradient_and_may_stand_as_none():
    def loss(x, labels, W):
        s = x @ W
        return np.sum(s[np.arange(5), labels] ** 2)

    def backward(x, labels, W):
        d = np.zeros((5, 3))
        rows = np.arange(5), labels
        d[rows] = 2 * (x @ W)[rows]
        return d @ W.T, None, x.T @ d

    assert pb.check_backward(loss, backward, X, np.array([0, 1, 2, 2, 1]), W)


def test_lists_of_numbers_are_arrays():
    def forward(x, W):
        return np.sum((x @ W) ** 2)

    x, W = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    dW = 2 * x.T @ (x @ W)
    assert pb.check_backward(forward, lambda x, W: {"dW": dW.tolist()}, x, W)
    assert pb.check_backward(forward, lambda x, W: ((2 * x @ W @ W.T).tolist(), dW.tolist()), x, W)


def test_a_hint_does_not_hide_that_results_cannot_be_matched():
    def forward(a, b):
        return np.sum(a * b)

    with pytest.raises(pb.PullbackError, match="wrt="):
        pb.check_backward(forward, lambda a, b: b, np.ones(3), np.arange(3.0), hint=True)
