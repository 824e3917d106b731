"""What the history tells of targets that are numbers, against scikit-learn's scores."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

import pullback as pb
from pullback.errors import GradientError, UsageError
from pullback.training import prepare
from pullback.training.metrics import NUMBERS, NumberScores, variance

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
# Two columns in units of their own: a mean over entries would be one of the second column alone.
Y = np.stack([X[:, 0] + 0.1 * RANDOM.normal(size=60), 5000 + 300 * X[:, 1]], axis=1)
COUNTS = RANDOM.poisson(np.exp(X[:, :1])).astype(float)
SCORES = (r2_score, mean_absolute_error, root_mean_squared_error)


def trained(y=Y, **settings):
    net = pb.nn.Sequential(pb.nn.Dense(8), pb.nn.Tanh(), pb.nn.Dense(y.shape[1]))
    standard = {"loss": pb.losses.SquaredError(), "dtype": "float64", "epochs": 2, "batch_size": 7}
    return pb.train(net, X, y, validation=(X[:20], y[:20]), **(standard | settings))


@pytest.mark.parametrize(
    "settings",
    [
        {"target_scaling": "standard"},
        {"target_scaling": "unit", "loss": pb.losses.Huber()},
        {"loss": pb.losses.AbsoluteError(reduction="sum"), "y": Y[:, :1]},
        {"loss": pb.losses.Poisson(), "y": COUNTS},
        {"loss": lambda outputs, targets: np.sum(np.abs(outputs - targets), axis=1), "y": COUNTS},
    ],
)
def test_validation_scores_are_scikit_learns(settings):
    run = trained(**settings)
    truth, predicted = settings.get("y", Y)[:20], run.model.predict(X[:20])
    for name, score in zip(NUMBERS, SCORES, strict=True):
        # Both are float64 sums over 20 rows; only their order differs.
        assert run.history[-1][f"validation_{name}"] == pytest.approx(
            score(truth, predicted), rel=1e-9
        )


def test_training_scores_are_of_the_rows_as_they_go_by():
    """With a rate of next to nothing, the rows of an epoch see the weights of its start."""
    run = trained(optimizer=pb.optim.SGD(1e-300), target_scaling="standard")
    for name in NUMBERS:
        assert run.history[1][name] == pytest.approx(run.history[0][name], rel=1e-9)
    predicted = run.model.predict(X)
    for name, score in zip(NUMBERS, SCORES, strict=True):
        assert run.history[1][name] == pytest.approx(score(Y, predicted), rel=1e-9)


def test_a_column_that_does_not_vary_has_no_r2():
    truth = np.array([[1.0, 2.0], [3.0, 2.0]])
    errors = np.array([0.5, 0.25]), np.array([0.5, 0.25])
    scores = NumberScores.of(*errors, variance(truth))
    assert scores.r2.tolist()[0] == 0.5
    assert np.isnan(scores.r2[1])
    assert scores.told()["r2"] == 0.5
    assert np.isnan(NumberScores.of(*errors, variance(truth[:1])).told()["r2"])


def test_labels_are_not_told_of_as_numbers():
    run = pb.train(pb.nn.Sequential(pb.nn.Dense(2)), X, X[:, 0] > 0, loss=pb.losses.SquaredError())
    assert "accuracy" in run.history[0]
    assert not set(NUMBERS) & set(run.history[0])


def test_early_stopping_knows_that_a_smaller_error_is_better():
    watch = pb.training.EarlyStopping(2, monitor="validation_mean_absolute_error")
    run = trained(target_scaling="standard", epochs=60, callbacks=[watch])
    errors = [record["validation_mean_absolute_error"] for record in run.history]
    predicted = run.model.predict(X[:20])
    assert mean_absolute_error(Y[:20], predicted) == pytest.approx(min(errors), rel=1e-9)
    assert min(errors) < 0.5 * errors[0]


def test_a_run_of_numbers_resumes_in_the_middle_of_an_epoch(tmp_path):
    class KilledError(Exception):
        pass

    def kill(progress):
        if (progress.epoch, progress.step) == (2, 4):
            raise KilledError

    settings = {"target_scaling": "standard", "checkpoint": tmp_path / "c.safetensors"}
    settings |= {"checkpoint_every": 0, "epochs": 3}
    with pytest.raises(KilledError):
        trained(callbacks=[kill], **settings)
    whole, resumed = (
        trained(callbacks=[lambda progress: None], epochs=3, target_scaling="standard", **more)
        for more in ({}, {"resume": tmp_path / "c.safetensors"})
    )
    for record, other in zip(whole.history, resumed.history, strict=True):
        told = {name for name in record if name not in ("seconds", "samples_per_second")}
        assert {name: record[name] for name in told} == {name: other[name] for name in told}


def test_their_names_are_taken():
    with pytest.raises(UsageError, match="'r2' cannot be the name of a metric"):
        trained(metrics={"r2": lambda outputs, targets: outputs[:, 0]})


@pytest.mark.parametrize("mean", [1, 30, 1000])
def test_counts_of_any_size_are_learned_at_the_default_rate(mean):
    """Undivided, the default rate ends in dead units at a mean of 30 and diverges at 1000."""
    counts = np.random.default_rng(0).poisson(mean * np.exp(0.4 * X[:, :1])).astype(float)
    net = pb.nn.Sequential(pb.nn.Dense(16), pb.nn.ReLU(), pb.nn.Dense(1))
    run = pb.train(net, X, counts, loss=pb.losses.Poisson(), epochs=600)
    rates = 0.2 / max(1, counts.mean()), 0.01 / max(1, counts.mean())
    expected = min(rates[0] * 32 / 128, rates[1])
    assert run.settings["learning_rate"] == pytest.approx(expected, rel=5e-3)  # three digits
    text = run.settings["learning_rate_rule"]
    assert eval(text, {"rows_per_step": 32, "min": min}) == run.settings["learning_rate"]
    assert run.history[-1]["r2"] > 0.2  # a guess of the mean has 0


def test_shares_of_classes_are_checked_as_shares():
    """In float32 rows miss 1 by about 1e-8, which moves a gradient near 0 by more than 1e-6."""
    share = 1 / (1 + np.exp(-2 * X[:, 0]))
    net = pb.nn.Sequential(pb.nn.Dense(64), pb.nn.ReLU(), pb.nn.Dense(2))
    shares = np.stack([share, 1 - share], axis=1)
    for seed in range(3):
        ready = prepare(net, X, shares, loss=pb.losses.RelativeEntropy(), seed=seed)
        assert max(variable.worst for variable in ready.check().variables) < 1e-6


def test_a_wrong_gradient_of_shares_is_told_although_shares_cannot_be_moved():
    """To find the rule to blame, operands are moved; moved shares no longer sum to 1."""

    def loss(z, labels):
        return pb.losses.CrossEntropy()(z, pb.nn.distribution(labels))

    share = np.array([[0.25, 0.75], [0.5, 0.5]]) * (1 + 1e-7)  # within the tolerance of float32
    z = np.log(share)
    with pytest.raises(GradientError):
        pb.check_gradients(loss, z, share, wrt="z")
