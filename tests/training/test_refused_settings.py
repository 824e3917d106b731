"""What cannot be trained is refused before the first step, in one sentence."""

import numpy as np
import pytest

import pullback as pb
from pullback.errors import DataError, PullbackError, ShapeError, TrainingError, UsageError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(10, 3))
Y = np.array([0, 1] * 5)


def network(outputs=2):
    return pb.nn.Sequential(pb.nn.Dense(4), pb.nn.ReLU(), pb.nn.Dense(outputs))


def refused(error, model=None, X=X, y=Y, **settings):
    """The one sentence that training ends with, before its first step."""
    steps = []
    with pytest.raises(PullbackError) as caught:
        pb.train(model or network(), X, y, callbacks=steps.append, **settings)
    assert isinstance(caught.value, error)
    assert steps == []
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("value", [0, -1, "half", 1.5, True, None, np.nan, [8], "Full"])
def test_batch_size(value):
    text = refused(UsageError, batch_size=value)
    assert text == f"batch_size={value!r}: it must be 'full' or a whole number of at least 1."


@pytest.mark.parametrize("value", [0, -1, 1.0, "3", True, None])
def test_epochs(value):
    text = refused(UsageError, epochs=value)
    assert text == f"epochs={value!r}: it must be a whole number of at least 1."


@pytest.mark.parametrize("value", [-1, 0.5, "0", None, False])
def test_seed(value):
    text = refused(UsageError, seed=value)
    assert text == f"seed={value!r}: it must be a whole number of at least 0."


@pytest.mark.parametrize("batch_size", [2, "full"])
def test_a_seed_beyond_the_generators_range(batch_size):
    assert "seed" in refused(UsageError, seed=2**64, batch_size=batch_size)


@pytest.mark.parametrize("value", ["minmax", "Standard", 1, True, ""])
def test_scaling(value):
    text = refused(UsageError, scaling=value)
    assert text == f"scaling={value!r}: allowed are 'standard', 'unit', None."


@pytest.mark.parametrize("value", ["cluster", None, ""])
def test_task(value):
    text = refused(UsageError, task=value)
    assert text == (f"task={value!r}: allowed are 'auto', 'classification' and 'regression'.")


UNKNOWN = ["f5", object()]  # np.dtype("f8") == None is True


@pytest.mark.parametrize("value", ["float16", "int", "complex", np.float16, *UNKNOWN])
def test_dtype(value):
    text = refused(UsageError, dtype=value)
    assert text == f"dtype={value!r}: allowed are 'float32' and 'float64'."


@pytest.mark.parametrize("value", ["float32", "f8", np.float64, np.dtype("f4")])
def test_dtypes_that_are_allowed(value):
    run = pb.train(network(), X, Y, epochs=1, dtype=value)
    assert run.model.params["W1"].dtype == np.dtype(value)
    assert run.settings["dtype"] in ("float32", "float64")


@pytest.mark.parametrize("value", ["net", pb.nn.Dense(2), None, [pb.nn.Dense(2)]])
def test_the_model(value):
    with pytest.raises(UsageError) as caught:
        pb.train(value, X, Y)
    assert str(caught.value) == f"model={value!r}: it must be a pb.nn.Sequential."


@pytest.mark.parametrize("value", ["cross-entropy", 3])
def test_the_loss(value):
    assert refused(UsageError, loss=value).startswith(f"loss={value!r} is no loss")


@pytest.mark.parametrize("value", ["sgd", 0.1, pb.optim.SGD, 0, ""])
def test_the_optimizer(value):
    assert refused(UsageError, optimizer=value).startswith("optimizer=")


def test_a_network_without_parameters():
    assert "parameters" in refused(UsageError, pb.nn.Sequential(np.tanh), X=X[:, :2])


# ----------------------------------------------------------------------------------------- data


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scaling", [None, "standard", "unit"])
def test_rows_that_are_not_finite(bad, scaling):
    rows = X.copy()
    rows[7, 2] = bad
    text = refused(DataError, X=rows, scaling=scaling)
    assert text == f"X[7, 2] is {bad}; allowed are finite numbers."


def test_a_number_that_float32_cannot_hold():
    rows = X.copy()
    rows[1, 0] = 1e300
    with np.errstate(over="ignore"):
        text = refused(DataError, X=rows)
    assert text.startswith("X[1, 0] is ")
    assert pb.train(network(), rows / 1e290, Y, epochs=1, dtype="float64")


def test_validation_rows_that_are_not_finite():
    rows = X.copy()
    rows[4, 1] = np.nan
    text = refused(DataError, validation=(rows, Y))
    assert text == "the validation X[4, 1] is nan; allowed are finite numbers."


@pytest.mark.parametrize("shape", [(0, 3), (10, 0), (0, 0), (10,), (2, 5, 3), ()])
def test_shapes_without_rows_or_columns(shape):
    text = refused(DataError, X=np.ones(shape))
    assert text == f"X has shape {shape}; it must have rows and columns."


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([["a", "b"]] * 10, "it holds texts."),
        ([[1, 2], [3]], "setting an array element with a sequence."),
        (X + 1j, "it holds complex numbers."),
        # NumPy would turn these into numbers without a word.
        (X.astype(str), "it holds texts."),
        (X.astype("S20"), "it holds bytes."),
        (X.astype(str).astype(object), "X[0, 0] is a str."),
        (np.array([[1.5, b"2", None]] * 10, object), "X[0, 1] is a bytes."),
        ((99 * X).astype("datetime64[s]"), "it holds dates."),
        ((99 * X).astype("timedelta64[s]"), "it holds durations."),
        (np.zeros((10, 3), [("a", "f4")]), "it holds [('a', '<f4')]."),
        ({"a": X}, "it is a dict."),
    ],
)
def test_rows_that_are_no_numbers(rows, told):
    assert refused(DataError, X=rows).startswith(f"X must hold numbers: {told.removesuffix('.')}")


def test_targets_and_weights_that_are_no_numbers():
    squared = {"loss": pb.losses.SquaredError(), "task": "regression"}
    text = refused(DataError, network(1), y=X[:, 0].astype(str), **squared)
    assert text == "y must hold numbers: it holds texts."
    text = refused(DataError, network(1), y=Y.astype("datetime64[s]"), **squared)
    assert text == "y must hold numbers: it holds dates."
    text = refused(DataError, sample_weight=["1"] * 10)
    assert text == "sample_weight must hold numbers: it holds texts."


@pytest.mark.parametrize("number", [2**53 + 1, -(2**60)])
def test_integers_with_more_digits_than_a_float_has(number):
    rows = np.full((10, 3), number)
    assert f"X holds {number}: integers beyond 2^53 lose digits" in refused(DataError, X=rows)
    assert pb.train(network(), np.full((10, 3), 2**53), Y, epochs=1, scaling="unit")


def test_objects_that_are_numbers():
    rows = X.astype(object)
    rows[0] = [1, np.float32(2), True]
    run = pb.train(network(), rows, Y, epochs=1)
    same = pb.train(network(), rows.astype(float), Y, epochs=1)
    assert np.array_equal(run.model.params["W1"], same.model.params["W1"])


@pytest.mark.parametrize(
    ("info", "told"),
    [
        (3, "info=3: it must be a dict"),
        ({"a": X}, "info: Object of type ndarray is not JSON serializable; allowed are numbers"),
        ({"feature_names": ["a"]}, "info: feature_names must be a list of 3 names"),
    ],
)
def test_info(info, told):
    assert refused(UsageError, info=info).startswith(told)


@pytest.mark.parametrize("name", ["loss", "validation_loss", "a b", 3, "accuracy"])
def test_the_name_of_a_metric(name):
    text = refused(UsageError, metrics={name: lambda outputs, targets: outputs[:, 0]})
    assert text == f"metrics: {name!r} cannot be the name of a metric."


@pytest.mark.parametrize("value", [1, 0.0, 1.0, np.nan, "a", True])
def test_the_average(value):
    text = refused(UsageError, average=value)
    assert text == f"average={value!r}: it must be a number in (0, 1)."


def test_numbers_of_numpy_are_numbers():
    settings = {"average": np.float32(0.5), "validation": np.float32(0.3)}
    assert pb.train(network(), X, Y, epochs=np.int64(1), seed=np.int64(1), **settings)


def test_a_missing_value():
    text = refused(DataError, X=np.array([[None, 1, 1]] * 10))
    assert text == "X[0, 0] is nan; allowed are finite numbers."


def test_masked_rows_and_labels():
    masked = np.ma.masked_array(X, mask=X > 1)
    assert "X is a masked array" in refused(DataError, X=masked)
    assert "masked array" in refused(DataError, validation=(masked, Y))
    labels = np.ma.masked_array(Y, mask=Y > 0)
    assert "masked array" in refused(DataError, y=labels)


def test_masked_targets():
    numbers = np.ma.masked_array(X[:, 0], mask=X[:, 0] > 0)
    assert "masked" in refused(DataError, network(1), y=numbers, loss=pb.losses.SquaredError())


@pytest.mark.parametrize("length", [9, 11, 1])
def test_y_of_another_length(length):
    y = np.resize(Y, length) if length > 1 else np.array([0, 1])[:2]
    text = refused(DataError, y=y)
    assert text == f"y has {len(y)} rows, X has 10."
    squared = pb.losses.SquaredError()
    text = refused(DataError, network(1), y=np.ones(length), loss=squared)
    assert text == f"y has {length} rows, X has 10."


def test_labels_that_cannot_be_used():
    assert "at least two classes" in refused(DataError, y=np.zeros(10, int))
    assert "row 3" in refused(DataError, y=[0, 1, 0, None, *[1] * 6])
    assert "row 3" in refused(DataError, y=np.array([0, 1, 0, np.nan, *[1] * 6]))
    assert "mix kinds" in refused(DataError, y=["a", 1] * 5)
    assert "sum to 1" in refused(DataError, y=np.zeros((10, 2), int))
    assert "empty" in refused(DataError, y=[])


def test_targets_that_cannot_be_used():
    squared = pb.losses.SquaredError()
    y = RANDOM.normal(size=10)
    y[6] = np.nan
    assert refused(DataError, network(1), y=y, loss=squared) == (
        "y[6, 0] is nan; allowed are finite numbers."
    )
    text = refused(DataError, network(1), y=["a"] * 10, loss=squared, task="regression")
    assert text.startswith("y must hold numbers")


def test_validation_that_does_not_fit():
    text = refused(DataError, validation=(X, np.array([0, 2] * 5)))
    assert text == "The label 2 in row 1 (counted from 0) is none of the classes 0, 1."
    assert refused(DataError, validation=(X[:, :2], Y)) == (
        "The validation X has 2 columns, X has 3."
    )
    assert "rows" in refused(DataError, validation=(X, Y[:4]))
    assert "validation X" in refused(DataError, validation=(X[:0], Y[:0]))


@pytest.mark.parametrize("validation", [X, (X,), (X, Y, Y), "test", 1], ids=range(5))
def test_validation_that_is_no_pair(validation):
    assert "validation" in refused(UsageError, validation=validation)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_last_layer_of_the_wrong_width(outputs):
    text = refused(ShapeError, network(outputs))
    assert text == (
        f"The network gives outputs of shape (N, {outputs}) for 2 classes; "
        "let its last layer be Dense(2)."
    )
    squared = pb.losses.SquaredError()
    text = refused(ShapeError, network(outputs), y=RANDOM.normal(size=(10, 2)), loss=squared)
    assert "for 2 target columns; let its last layer be Dense(2)." in text


def test_a_loss_that_gives_a_number_per_entry():
    text = refused(UsageError, loss=lambda outputs, targets: (outputs - targets) ** 2)
    assert text == "The loss must give one number per row or one number, not (N, 2)."


@pytest.mark.parametrize("value", [1 + 0j, np.complex64(1), 10**400, True, "1", np.ones(2)])
@pytest.mark.parametrize("name", ["clip_value", "clip_norm", "average"])
def test_what_is_no_number_is_refused_by_name(name, value):
    assert refused(UsageError, **{name: value}).startswith(f"{name}=")
    with pytest.raises(UsageError, match="SGD"):
        pb.optim.SGD(value)
    with pytest.raises(UsageError, match="LeakyReLU"):
        pb.nn.LeakyReLU(value)
    with pytest.raises(UsageError, match="Huber"):
        pb.losses.Huber(value)


@pytest.mark.parametrize("value", [np.array(["shuffle", "ordered"]), [0], 3])
def test_a_choice_that_is_no_word(value):
    assert refused(UsageError, sampling=value).startswith("sampling=")


@pytest.mark.parametrize("last", [pb.nn.Softmax(), pb.nn.Sigmoid()])
@pytest.mark.parametrize("loss", [pb.losses.CrossEntropy(), pb.losses.RelativeEntropy()])
def test_probabilities_are_not_made_twice(last, loss):
    ended = pb.nn.Sequential(pb.nn.Dense(2), last)
    text = refused(UsageError, model=ended, loss=loss)
    assert f"must not end with {last}: leave that layer out" in text
    pb.train(ended, X, Y, loss=pb.losses.SquaredError(), task="classification", epochs=1)


def test_a_loss_that_does_not_read_the_outputs():
    run = pb.train(network(), X, Y, loss=lambda outputs, targets: np.sum(targets), epochs=1)
    fresh, _ = network().init(np.random.default_rng(0), (3,))
    assert np.array_equal(run.model.params["W1"], fresh["W1"].astype("f4"))


# ----------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize(("batch_size", "rate"), [("full", 1e6), (3, 1e4)])
def test_divergence_names_epoch_and_step(batch_size, rate):
    seen = []
    with pytest.raises(TrainingError) as caught:
        pb.train(
            network(1),
            X,
            X[:, 0] * 100,
            loss=pb.losses.SquaredError(),
            optimizer=pb.optim.SGD(rate),
            batch_size=batch_size,
            epochs=100,
            callbacks=seen.append,
        )
    text = str(caught.value)
    epoch, step = (seen[-1].epoch, seen[-1].step + 1)
    if step > seen[-1].steps:
        epoch, step = epoch + 1, 1
    assert text.startswith(f"Training diverged at epoch {epoch}, step {step}. The first ")
    assert f"try a learning rate below {rate:g}" in text
    assert all(np.all(np.isfinite(W)) for W in caught.value.run.model.params.values())
    assert "\n" not in text


def test_divergence_in_the_very_first_step():
    with pytest.raises(TrainingError, match=r"at epoch 1, step 1"), np.errstate(over="ignore"):
        pb.train(network(1), X, X[:, 0] * 1e30, loss=pb.losses.SquaredError(), task="regression")
