"""Any labels in, the same labels out; regression; scaling as a part of the model."""

import numpy as np
import pytest

import pullback as pb

RANDOM = np.random.default_rng(0)
CENTRES = np.array([[0.0, 0], [4, 0], [0, 4]])
INDICES = np.repeat([0, 1, 2], 20)
X = CENTRES[INDICES] + 0.3 * RANDOM.normal(size=(60, 2))


def classifier(outputs=3):
    return pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(outputs))


KINDS = {
    "ints": np.array([5, 7, 100]),
    "negative ints": np.array([-3, -1, 2]),
    "unsigned ints": np.array([0, 7, 255], np.uint8),
    "strings": np.array(["setosa", "versicolor", "virginica"]),
    "floats": np.array([0.5, 1.5, -2.5]),
    "bools": np.array([False, True]),
    "object strings": np.array(["a", "b", "c"], object),
}


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_any_kind(kind):
    labels = KINDS[kind]
    indices = INDICES % len(labels)
    y = labels[indices]
    run = pb.train(classifier(len(labels)), X, y, batch_size=10, epochs=40, seed=1)
    predicted = run.model.predict(X)
    assert predicted.dtype == y.dtype
    assert predicted.shape == (60,)
    if len(labels) == 3:
        assert np.array_equal(predicted, y)
        assert run.history[-1]["accuracy"] == 1
    else:
        assert set(predicted.tolist()) <= {False, True}
    assert np.array_equal(run.model.classes.labels, np.unique(labels))


def test_lists_of_labels():
    y = [["no", "yes", "maybe"][i] for i in INDICES]
    run = pb.train(classifier(), X, y, batch_size=10, epochs=40)
    assert run.model.predict(X).tolist() == y


def test_the_columns_of_probabilities_are_the_sorted_labels():
    y = np.array(["c", "a", "b"])[INDICES]
    run = pb.train(classifier(), X, y, batch_size=10, epochs=40)
    p = run.model.predict_proba(X)
    assert run.model.classes.labels.tolist() == ["a", "b", "c"]
    assert np.array_equal(np.array(["a", "b", "c"])[np.argmax(p, axis=1)], run.model.predict(X))
    assert p[INDICES == 0, 2].mean() > 0.8


def test_the_order_of_rows_does_not_change_what_a_label_means():
    y = np.array(["c", "a", "b"])[INDICES]
    turned = pb.train(classifier(), X[::-1], y[::-1], batch_size=10, epochs=40)
    assert np.array_equal(turned.model.predict(X), y)


# ----------------------------------------------------------------------------------- regression

SLOPES = np.array([[1.0, -2], [0.5, 3]])


@pytest.mark.parametrize("columns", [None, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_regression_with_one_and_with_several_targets(columns, dtype):
    y = X @ SLOPES + 0.5
    y = y[:, 0] if columns is None else y[:, :columns]
    run = pb.train(
        pb.nn.Sequential(pb.nn.Dense(columns or 1)),
        X,
        y,
        loss=pb.losses.SquaredError(),
        optimizer=pb.optim.SGD(0.05),
        batch_size="full",
        epochs=800,
        dtype=dtype,
    )
    predicted = run.model.predict(X)
    assert predicted.dtype == dtype
    assert predicted.shape == (60, columns or 1)
    assert np.allclose(predicted, y.reshape(60, -1), atol=2e-3)
    assert run.model.classes is None
    assert "accuracy" not in run.history[-1]


def test_the_task_is_chosen_from_loss_and_targets():
    floats, ints = RANDOM.normal(size=60), INDICES
    squared = pb.losses.SquaredError()
    one, three = pb.nn.Sequential(pb.nn.Dense(1)), pb.nn.Sequential(pb.nn.Dense(3))

    def classes(model, y, **settings):
        return pb.train(model, X, y, epochs=1, **settings).model.classes

    assert classes(three, ints) is not None
    assert classes(three, ints, loss=squared) is not None
    assert classes(one, floats, loss=squared) is None
    assert classes(one, ints, loss=squared, task="regression") is None
    assert classes(three, ints.astype(float), loss=squared, task="classification") is not None
    # Cross-entropy is always on labels.
    assert classes(three, ints.astype(float)) is not None


def test_integer_targets_of_several_columns_are_regression():
    y = RANDOM.integers(0, 9, size=(60, 2))
    run = pb.train(
        pb.nn.Sequential(pb.nn.Dense(2)), X, y, loss=pb.losses.SquaredError(), task="regression"
    )
    assert run.model.predict(X).shape == (60, 2)


# -------------------------------------------------------------------------------------- scaling


def shifted():
    rows = X * [1e3, 1e-3] + [5e3, -7e-3]
    return np.c_[rows, np.full(60, 4.0)]  # and a constant column


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_scaling_is_part_of_the_model(scaling, dtype):
    rows = shifted()
    run = pb.train(classifier(), rows, INDICES, scaling=scaling, epochs=20, dtype=dtype)
    if scaling == "standard":
        spread = np.where(rows.std(axis=0) > 1e-12, rows.std(axis=0), 1)
        by_hand = (rows - rows.mean(axis=0)) / spread
    else:
        by_hand = rows / np.max(np.abs(rows))
    other = pb.train(classifier(), by_hand, INDICES, epochs=20, dtype=dtype)
    close = {"rtol": 1e-3, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-11}
    assert np.allclose(run.model.outputs(rows), other.model.outputs(by_hand), **close)
    assert np.allclose(run.model.predict_proba(rows), other.model.predict_proba(by_hand), **close)
    assert run.history[-1]["loss"] == pytest.approx(other.history[-1]["loss"], rel=1e-3)


def test_scaling_learns_where_raw_columns_do_not():
    run = pb.train(classifier(), shifted(), INDICES, scaling="standard", batch_size=10, epochs=40)
    assert np.mean(run.model.predict(shifted()) == INDICES) == 1


@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_data_that_is_constant_or_zero_everywhere(scaling):
    for rows in (np.zeros((6, 2)), np.full((6, 2), 7.0)):
        run = pb.train(
            pb.nn.Sequential(pb.nn.Dense(2)), rows, [0, 1] * 3, scaling=scaling, epochs=1
        )
        assert np.all(np.isfinite(run.model.outputs(rows)))


def test_a_column_that_is_constant_but_for_rounding():
    """In float32 the mean of 60 times 0.1 is not 0.1."""
    rows = np.c_[X, np.full(60, 0.1)].astype("f4")
    run = pb.train(classifier(), rows, INDICES, scaling="standard", batch_size=10, epochs=20)
    changed = rows.copy()
    changed[:, 2] = np.nextafter(np.float32(0.1), np.float32(1))
    assert np.allclose(run.model.outputs(rows), run.model.outputs(changed), atol=1e-3)


def test_scaling_is_learned_from_the_training_data_alone():
    rows = shifted()
    held_out = (rows * 50, INDICES)
    settings = {"scaling": "standard", "epochs": 2}
    run = pb.train(classifier(), rows, INDICES, validation=held_out, **settings)
    alone = pb.train(classifier(), rows, INDICES, **settings)
    assert np.array_equal(run.model.outputs(rows), alone.model.outputs(rows))
    outputs = run.model.outputs(held_out[0])
    loss = pb.losses.CrossEntropy()(outputs.astype("f8"), np.eye(3)[INDICES])
    assert run.history[-1]["validation_loss"] == pytest.approx(loss, rel=1e-4)
