import numpy as np
import pytest

import pullback as pb
from pullback.errors import DataError, UsageError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 3))
Y = RANDOM.integers(0, 3, size=30)


def network(outputs=3):
    return pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(outputs))


@pytest.fixture(scope="module")
def model():
    return pb.train(network(), X, Y, epochs=2).model


@pytest.fixture(scope="module")
def regressor():
    return pb.train(network(2), X, X[:, :2], loss=pb.losses.SquaredError(), epochs=2).model


def test_outputs_are_the_network_by_hand(model):
    x = X.astype("f4")
    p = model.params
    by_hand = np.maximum(x @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"]
    assert model.outputs(X).dtype == np.float32
    assert np.allclose(model.outputs(X), by_hand, rtol=1e-6)


def test_probabilities(model):
    p = model.predict_proba(X)
    assert p.shape == (30, 3)
    assert np.all(p >= 0)
    assert np.all(p <= 1)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert np.allclose(p, pb.nn.softmax(model.outputs(X)), rtol=1e-6)
    assert np.array_equal(np.argmax(p, axis=1), model.predict(X))


def test_probabilities_of_extreme_logits(model):
    p = model.predict_proba(X * 1e6)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert np.all(np.isfinite(p))


def test_one_row_and_no_row(model):
    assert np.allclose(model.outputs(X[:1]), model.outputs(X)[:1], rtol=1e-5)
    assert model.predict(X[:1]).shape == (1,)
    assert model.outputs(X[:0]).shape == (0, 3)
    assert model.predict(X[:0]).shape == (0,)
    assert model.predict_proba(X[:0]).shape == (0, 3)


@pytest.mark.parametrize("rows", [4095, 4096, 4097, 9000])
def test_any_number_of_rows(model, rows):
    many = np.resize(X, (rows, 3))
    outputs = model.outputs(many)
    assert outputs.shape == (rows, 3)
    assert np.allclose(outputs, np.resize(model.outputs(X), (rows, 3)), rtol=1e-5, atol=1e-6)


def test_regression_has_no_probabilities(regressor):
    assert np.array_equal(regressor.predict(X), regressor.outputs(X))
    with pytest.raises(UsageError) as caught:
        regressor.predict_proba(X)
    assert str(caught.value) == (
        "This model gives no probabilities; train it with pb.losses.CrossEntropy()."
    )


def test_labels_with_the_squared_error_have_no_probabilities():
    trained = pb.train(network(), X, Y, loss=pb.losses.SquaredError(), epochs=1).model
    assert set(trained.predict(X).tolist()) <= {0, 1, 2}
    with pytest.raises(UsageError, match="gives no probabilities"):
        trained.predict_proba(X)


@pytest.mark.parametrize("shape", [(30, 2), (30, 4), (3,), (), (2, 3, 3), (0, 4)])
@pytest.mark.parametrize("method", ["outputs", "predict", "predict_proba"])
def test_rows_of_another_shape(model, method, shape):
    with pytest.raises(DataError) as caught:
        getattr(model, method)(np.ones(shape))
    assert str(caught.value) == f"X has shape {shape}, the model needs (rows, 3)."


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite(model, bad):
    rows = X.copy()
    rows[12, 1] = bad
    with pytest.raises(DataError) as caught:
        model.predict(rows)
    assert str(caught.value) == f"X[12, 1] is {bad}; allowed are finite numbers."


@pytest.mark.parametrize("rows", ["text", [["a", "b", "c"]], [[1, 2, 3], [4]], X + 1j])
def test_rows_that_are_no_numbers(model, rows):
    with pytest.raises(DataError, match="^X must hold numbers"):
        model.predict(rows)


def test_masked_rows(model):
    with pytest.raises(DataError, match="X is a masked array"):
        model.predict(np.ma.masked_array(X, mask=X > 1))


def test_rows_may_be_lists_and_integers(model):
    assert model.predict([[1, 2, 3]]).shape == (1,)
    assert np.array_equal(model.outputs([[1, 2, 3]]), model.outputs(np.array([[1.0, 2, 3]])))


def test_printing(model, regressor):
    assert str(model).splitlines() == [
        "3 inputs -> Dense(4) -> ReLU -> Dense(3)",
        "  W1   3x4               12 parameters",
        "  b1   4                  4 parameters",
        "  W2   4x3               12 parameters",
        "  b2   3                  3 parameters",
        "  31 learned parameters, float32",
    ]
    assert str(regressor).splitlines()[-1] == "  26 learned parameters, float32"


def test_predicting_changes_nothing(model):
    before = {name: value.copy() for name, value in model.params.items()}
    rows = X.copy()
    model.predict(rows)[...] = 7
    model.outputs(rows)[...] = 7
    assert np.array_equal(rows, X)
    for name, value in before.items():
        assert np.array_equal(model.params[name], value)
