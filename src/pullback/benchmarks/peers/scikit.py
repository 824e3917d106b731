"""scikit-learn: `MLPClassifier.fit` of so many epochs, from given weights."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from ..workload import Case, Workload
from .protocol import Predict, Train, Trained

NEVER = 10**9


class Given(MLPClassifier):  # type: ignore[misc]
    """An MLPClassifier that starts at given weights and has softmax outputs for two classes too.

    By itself it gives two classes one logistic output, which is another network; here the last
    layer has a column for each class, so `fit` takes one-hot rows and softmax takes the place of
    the logistic function that scikit-learn would choose for such rows.
    """

    def start_at(self, layers: list[dict[str, Any]]) -> Given:
        """The weights that each `fit` begins with."""
        self._given = layers
        return self

    def _initialize(self, y: Any, layer_units: Any, dtype: Any) -> None:
        self._starts: Iterator[dict[str, Any]] = iter(self._given)
        super()._initialize(y, layer_units, dtype)
        self.out_activation_ = "softmax"

    def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Any, Any]:
        layer = next(self._starts)
        return layer["W"].copy(), layer["b"].copy()


class Scikit:
    """`sklearn.neural_network`."""

    def version(self) -> str:
        """Of scikit-learn."""
        return str(sklearn.__version__)

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """One, for networks that it has."""
        able = work.loss == "cross-entropy" and work.bias and work.activation != "none"
        return () if not able or work.batch_norm or work.dropout else ("",)

    def trainer(self, case: Case, flavour: str) -> Train:
        """One `fit` for all epochs: the mean is the time of each, what `fit` checks included."""
        work = case.workload
        targets = np.eye(work.widths[-1], dtype=np.int64)[case.y]

        def train(epochs: int) -> Trained:
            model = _model(work, epochs).start_at(case.layers)
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(case.X, targets)
            seconds = [(time.perf_counter() - started) / epochs] * epochs
            return Trained(seconds, _layers(model))

        return train

    def predictor(self, case: Case) -> Predict:
        """`predict` of a model that was fitted to labels, its weights replaced."""
        work = case.workload
        model = MLPClassifier(work.widths[1:-1], max_iter=1, batch_size=work.batch)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(case.X[: work.batch], case.y[: work.batch])
        model.coefs_ = [layer["W"] for layer in case.layers]
        model.intercepts_ = [layer["b"] for layer in case.layers]
        predict: Predict = model.predict
        return predict


def _model(work: Workload, epochs: int) -> Given:
    return Given(
        work.widths[1:-1],
        activation=work.activation,
        solver=work.rule,
        alpha=0.0,
        batch_size=min(work.batch, work.rows),
        learning_rate_init=work.rate,
        momentum=0.0,
        nesterovs_momentum=False,
        max_iter=epochs,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=NEVER,
    )


def _layers(model: Any) -> list[dict[str, Any]]:
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return [{"W": W, "b": b} for W, b in pairs]


def engine(name: str) -> Scikit:
    """The engine."""
    return Scikit()
