"""Losses on logits: one class of many, soft targets, several labels at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nn import log_softmax, sigmoid, smooth_labels, softmax, softplus
from ..nn.settings import real
from ..tracing import varying
from .protocol import Reduced
from .settings import number_in
from .targets import check_targets


def entropy(y: Any) -> Any:
    """-sum_j y_j log y_j per row, where 0 log 0 = 0: what is unknown of a row's class, in nats.

    It is 0 at the corners of the label space, the one-hot rows, and largest, log(classes), at its
    centre. Cross-entropy is relative entropy plus it, so the two losses have the same derivative
    with respect to logits, and differ at all only where targets are soft.

    Args:
        y: Distributions of shape (..., classes): rows >= 0 that sum to 1.

    Returns:
        One number >= 0 per row, of shape (...); float32 stays float32.

    Raises:
        DataError: When a row of an array is no distribution.
        UsageError: When y does not hold real numbers.

    Example:
        >>> import numpy as np, pullback as pb
        >>> z, y = np.array([[2.0, -1.0]]), np.array([[0.5, 0.5]])
        >>> pb.losses.entropy(y).round(4)
        array([0.6931])
        >>> relative = pb.losses.RelativeEntropy().rows(z, y)
        >>> np.allclose(pb.losses.CrossEntropy().rows(z, y), relative + pb.losses.entropy(y))
        True

    Source: Cover and Thomas, Elements of Information Theory (2006), sections 2.1 and 2.3.
    """
    y = real("entropy", y, "y")
    if isinstance(y, np.ndarray):
        check_targets("distribution", y, "y")
    return 0 - _y_log_y(y)


def _y_log_y(y: Any) -> Any:
    return np.sum(y * np.log(np.where(y > 0, y, 1)), axis=-1)


@dataclass(frozen=True)
class CrossEntropy(Reduced):
    """Softmax cross-entropy on logits: a row's loss is -sum_j y_j log softmax(z)_j.

    Its derivative is (softmax(z) - y) / rows where the rows of y are known to sum to 1 (from
    `one_hot`, `softmax`, label smoothing of such rows, or `pb.nn.distribution`); the derived
    source shows it. Elsewhere it is (sum(y) softmax(z) - y) / rows.

    Its value and derivative are finite for all finite logits, at +-10^4 as well, in float32 too.

    It is PyTorch's CrossEntropyLoss, which takes class numbers, or probabilities as here, along
    axis 1. Differences: its `weight` is one of classes, here each row has its own (with class
    numbers and without smoothing they are the same mean, sum(w l) / sum(w); with probabilities or
    smoothing PyTorch weights the terms of a row); and it can leave out rows by `ignore_index`,
    which is a weight of 0 here.

    Args:
        reduction: "mean" or "sum" over rows.
        label_smoothing: In [0, 1]; where above 0, y is replaced by
            (1 - label_smoothing) y + label_smoothing / classes (`pb.nn.smooth_labels`), and the
            number is an input of the program.

    Raises:
        UsageError: When a setting is not allowed.

    Example:
        >>> import numpy as np, pullback as pb
        >>> pb.losses.CrossEntropy()(np.zeros((1, 2)), np.array([[1.0, 0.0]])).round(4)
        np.float64(0.6931)

    Source: Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.2.3; smoothing:
    Szegedy et al., Rethinking the inception architecture (2016), section 7.
    """

    reduction: str = "mean"
    label_smoothing: float = 0.0
    outputs_name = "logits"
    targets = "distribution"
    default_rates = (1.0, 0.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        number_in("CrossEntropy", "label_smoothing", self.label_smoothing, "[0, 1]")

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """-sum_j targets_ij log softmax(outputs)_ij: (rows, classes) twice -> (rows,)."""
        if self.label_smoothing == 0:
            return -_y_log_p(targets, outputs)
        amount = varying(float(self.label_smoothing), "label_smoothing", like=outputs)
        smoothed = smooth_labels(targets, amount)
        return -_y_log_p(smoothed, outputs)

    def probabilities(self, outputs: Any) -> Any:
        """softmax(outputs): what logits mean, (rows, classes)."""
        return softmax(outputs, axis=1)


def _y_log_p(y: Any, logits: Any) -> Any:
    return np.sum(y * log_softmax(logits, axis=1), axis=1)


@dataclass(frozen=True)
class RelativeEntropy(Reduced):
    """KL(y || softmax(z)): a row's loss is sum_j y_j (log y_j - log softmax(z)_j), 0 log 0 = 0.

    How far an answer is from a target, as points of the label space: 0 where they are equal,
    which makes it the loss for soft targets. It is cross-entropy minus the entropy of the targets
    (`pb.losses.entropy`), so its derivative is the same, (softmax(z) - y) / rows where the rows
    of y are known to sum to 1, and with one-hot targets it is the same loss.

    It is PyTorch's KLDivLoss(reduction="batchmean") of log_softmax(z). Differences: KLDivLoss
    takes log-probabilities, and its "mean" divides by columns as well; it may be given the
    logarithms of targets (`log_target`).

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> y = np.array([[0.25, 0.75]])
        >>> abs(pb.losses.RelativeEntropy()(np.log(y), y)) < 1e-15
        np.True_
        >>> pb.losses.RelativeEntropy()(np.zeros((1, 2)), y).round(4)
        np.float64(0.1308)

    Source: Kullback and Leibler, On information and sufficiency (1951).
    """

    reduction: str = "mean"
    outputs_name = "logits"
    targets = "distribution"
    default_rates = (1.0, 0.5)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """Cross-entropy minus the entropy of the targets: (rows, classes) twice -> (rows,)."""
        return _y_log_y(targets) - _y_log_p(targets, outputs)

    def probabilities(self, outputs: Any) -> Any:
        """softmax(outputs): what logits mean, (rows, classes)."""
        return softmax(outputs, axis=1)


@dataclass(frozen=True)
class BinaryCrossEntropy(Reduced):
    """Sigmoid cross-entropy on logits, several labels at once: sum_j softplus(z_j) - y_j z_j.

    A row's loss is -sum_j y_j log p_j + (1 - y_j) log(1 - p_j) with p = sigmoid(z), written so
    that it neither overflows nor takes the logarithm of 0; its rounding error is that of z. Its
    derivative is (sigmoid(z) - y) / rows for every y.

    Differences to PyTorch's BCEWithLogitsLoss: columns are summed, PyTorch's "mean" divides by
    them as well; it has a `pos_weight` per column, and its weight may be one of entries.

    Args:
        reduction: "mean" or "sum" over rows.

    Raises:
        UsageError: When the reduction is neither.

    Example:
        >>> import numpy as np, pullback as pb
        >>> z, y = np.array([[0.0, 0.0], [1e4, -1e4]]), np.array([[1.0, 0.0], [1.0, 1.0]])
        >>> pb.losses.BinaryCrossEntropy().rows(z, y).round(4)
        array([1.3863e+00, 1.0000e+04])

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 5.2.
    """

    reduction: str = "mean"
    outputs_name = "logits"
    targets = "fractions"
    default_rates = (1.0, 0.5)

    def _of_rows(self, outputs: Any, targets: Any) -> Any:
        """sum_j softplus(outputs_ij) - targets_ij outputs_ij: (rows, labels) twice -> (rows,)."""
        return np.sum(softplus(outputs) - targets * outputs, axis=1)

    def probabilities(self, outputs: Any) -> Any:
        """sigmoid(outputs): what logits mean, one probability per label, (rows, labels)."""
        return sigmoid(outputs)
