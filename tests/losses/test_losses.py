import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.metrics import log_loss

import pullback as pb
from pullback.errors import UsageError
from pullback.losses.losses import LOSSES, CustomLoss, Loss, as_loss
from pullback.training import prepare

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(size=(6, 4)) * 3
LABELS = np.array([0, 3, 1, 1, 2, 0])
Y = np.eye(4)[LABELS]
SOFT = RANDOM.dirichlet(np.ones(4), size=6)


def step_source(loss, y, outputs):
    network = pb.nn.Sequential(pb.nn.Dense(outputs))
    return prepare(network, RANDOM.normal(size=(len(y), 2)), y, loss=loss).step.to_numpy()


# ------------------------------------------------------------------------------- squared error


def test_squared_error_by_hand():
    y_pred, y = np.array([[1.0, 2], [3, 5], [0, 0]]), np.array([[0.0, 0], [1, 1], [0, -1]])
    rows = [1 + 4, 4 + 16, 0 + 1]
    assert pb.losses.SquaredError().rows(y_pred, y).tolist() == rows
    assert pb.losses.SquaredError()(y_pred, y) == pytest.approx(26 / 3, rel=1e-15)
    assert pb.losses.SquaredError(reduction="sum")(y_pred, y) == 26
    assert pb.losses.SquaredError("mean") == pb.losses.SquaredError()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_squared_error_gradient(reduction):
    loss = pb.losses.SquaredError(reduction)
    pb.check_gradients(loss, LOGITS, Y)
    gradient = pb.grad(loss)(LOGITS, Y)
    assert np.allclose(gradient, 2 * (LOGITS - Y) / (6 if reduction == "mean" else 1), rtol=1e-14)


def test_the_notes_loss_is_the_sum():
    source = step_source(pb.losses.SquaredError("sum"), RANDOM.normal(size=(5, 3)), 3)
    assert "rows = np.sum(error ** 2, axis=1)" in source
    assert "dy_pred = 2 * error" in source


# ------------------------------------------------------------------------------- cross-entropy


def test_cross_entropy_by_hand():
    loss = pb.losses.CrossEntropy()
    assert loss(np.zeros((1, 4)), Y[:1]) == pytest.approx(np.log(4), rel=1e-15)
    rows = loss.rows(np.array([[0.0, np.log(3)]]), np.array([[1.0, 0.0]]))
    assert rows == pytest.approx(np.log(4), rel=1e-15)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_is_logsumexp_minus_the_logit(scale):
    z = LOGITS * scale
    rows = pb.losses.CrossEntropy().rows(z, Y)
    expected = logsumexp(z, axis=1) - z[np.arange(6), LABELS]
    assert np.allclose(rows, expected, rtol=1e-13, atol=1e-10)
    assert pb.losses.CrossEntropy()(z, Y) == pytest.approx(np.mean(rows), rel=1e-14)
    assert pb.losses.CrossEntropy("sum")(z, Y) == pytest.approx(np.sum(rows), rel=1e-14)


def test_cross_entropy_is_scikit_learns_log_loss():
    loss = pb.losses.CrossEntropy()
    p = loss.probabilities(LOGITS)
    assert np.allclose(p.sum(axis=1), 1, rtol=1e-15)
    assert loss(LOGITS, Y) == pytest.approx(log_loss(LABELS, p), rel=1e-13)


@pytest.mark.parametrize("targets", [Y, SOFT, 2 * SOFT], ids=["hard", "soft", "sums to 2"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_gradient(reduction, targets):
    loss = pb.losses.CrossEntropy(reduction)
    for z in (LOGITS, np.zeros((6, 4)), 1e4 * LOGITS):
        pb.check_gradients(loss, z, targets)
    p = loss.probabilities(LOGITS)
    expected = targets.sum(axis=1, keepdims=True) * p - targets
    expected /= 6 if reduction == "mean" else 1
    assert np.allclose(pb.grad(loss)(LOGITS, targets), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("reduction", "line"),
    [
        ("mean", "dlogits = (softmax(logits, axis=1) - y) / x.shape[0]"),
        ("sum", "dlogits = softmax(logits, axis=1) - y"),
    ],
)
def test_the_derived_step_shows_softmax_minus_y(reduction, line):
    source = step_source(pb.losses.CrossEntropy(reduction), LABELS, 4)
    lines = [text.split("  #")[0].strip() for text in source.splitlines()]
    assert line in lines


def test_without_a_promise_about_y_nothing_collapses():
    program = pb.grad(pb.trace(pb.losses.CrossEntropy("sum"), outputs="N C", targets="N C"))
    source = program.to_numpy()
    assert "np.sum(targets, axis=1, keepdims=True)" in source
    assert np.allclose(
        pb.compile(program)(LOGITS, 2 * SOFT),
        pb.grad(pb.losses.CrossEntropy("sum"))(LOGITS, 2 * SOFT),
    )


# ------------------------------------------------------------------------------- any loss


@pytest.mark.parametrize("kind", [pb.losses.SquaredError, pb.losses.CrossEntropy])
@pytest.mark.parametrize("reduction", ["average", "", None, "Sum"])
def test_unknown_reductions(kind, reduction):
    with pytest.raises(UsageError) as caught:
        kind(reduction=reduction)
    assert str(caught.value) == (
        f"{kind.__name__}(reduction={reduction!r}): allowed are 'mean' and 'sum'."
    )


@pytest.mark.parametrize("make", LOSSES.values())
def test_losses_of_the_command_line_are_complete(make):
    loss: Loss = make()
    assert loss.reduction == "mean"
    at_128, largest = loss.default_rates
    assert at_128 > 0
    assert largest > 0
    assert loss.outputs_name in ("logits", "y_pred", "log_rate")
    assert as_loss(loss) is loss
    assert make() == loss


@pytest.mark.parametrize("loss", [pb.losses.SquaredError(), pb.losses.CrossEntropy()])
def test_float32_stays_float32(loss):
    assert loss(LOGITS.astype("f4"), Y.astype("f4")).dtype == np.float32


def absolute_rows(outputs, targets):
    return np.sum(np.abs(outputs - targets), axis=1)


def absolute_scalar(outputs, targets):
    return np.mean(np.sum(np.abs(outputs - targets), axis=1))


def test_custom_losses_of_rows_and_of_one_number():
    of_rows, of_number = as_loss(absolute_rows), as_loss(absolute_scalar)
    assert of_rows(LOGITS, Y) == of_number(LOGITS, Y) == absolute_scalar(LOGITS, Y)
    assert np.array_equal(of_rows.rows(LOGITS, Y), absolute_rows(LOGITS, Y))
    with pytest.raises(UsageError, match="has no rows to weight"):
        of_number.rows(LOGITS, Y)
    pb.check_gradients(of_rows, LOGITS, Y)


def test_a_custom_loss_prints_without_an_address():
    assert str(as_loss(absolute_rows)) == "CustomLoss(absolute_rows)"
    assert str(as_loss(lambda outputs, targets: outputs)) == "CustomLoss(<lambda>)"


@pytest.mark.parametrize("loss", ["cross-entropy", 3, [absolute_rows]])
def test_what_is_no_loss(loss):
    with pytest.raises(UsageError) as caught:
        as_loss(loss)
    assert str(caught.value).startswith(f"loss={loss!r} is no loss")


def test_a_loss_without_its_parentheses_is_no_loss():
    with pytest.raises(UsageError, match=r"CrossEntropy\(\)"):
        as_loss(pb.losses.CrossEntropy)


def test_custom_losses_are_recognised():
    assert isinstance(as_loss(absolute_rows), CustomLoss)
