"""PyTorch, eager: a plain training loop over batches that were cut before."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..workload import Case, Workload
from .protocol import Predict, Train, Trained


class PyTorch:
    """`torch.nn`, `torch.optim`, and a `for` over the batches."""

    def version(self) -> str:
        """Of torch."""
        return str(torch.__version__)

    def flavours(self, work: Workload) -> tuple[str, ...]:
        """How the update rule goes over the parameters."""
        return ("fused", "foreach", "forloop")

    def trainer(self, case: Case, flavour: str) -> Train:
        """The loop; the loss of an epoch is added up, as a user would to see it."""
        work = case.workload
        targets = torch.from_numpy(case.y)
        X = torch.split(torch.from_numpy(case.X), work.batch)
        y = torch.split(targets, work.batch)
        batches = list(zip(X, y, strict=True))
        loss_of = _loss(work)

        def train(epochs: int) -> Trained:
            model = network(case)
            rule = _rule(work, model, flavour)
            seconds = []
            for _ in range(epochs):
                started = time.perf_counter()
                total = torch.zeros(())
                for x, target in batches:
                    rule.zero_grad(set_to_none=True)
                    loss = loss_of(model(x), target)
                    loss.backward()
                    rule.step()
                    total += loss.detach()
                float(total)
                seconds.append(time.perf_counter() - started)
            return Trained(seconds, _layers(model))

        return train

    def predictor(self, case: Case) -> Predict:
        """The network in inference mode, and the largest output's place."""
        model = network(case).eval()

        def predict(X: Any) -> Any:
            with torch.inference_mode():
                return model(torch.from_numpy(X)).argmax(1).numpy()

        return predict


def network(case: Case) -> Any:
    """The case's network with its initial weights."""
    work = case.workload
    activations = {"relu": nn.ReLU, "tanh": nn.Tanh}
    layers: list[Any] = []
    for number, values in enumerate(case.layers, start=1):
        inputs, units = values["W"].shape
        dense = nn.Linear(inputs, units, bias="b" in values)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(values["W"].T))
            if "b" in values:
                dense.bias.copy_(torch.from_numpy(values["b"]))
        layers.append(dense)
        if number == len(case.layers):
            break
        layers += [nn.BatchNorm1d(units)] if "gamma" in values else []
        layers += [activations[work.activation]()] if work.activation in activations else []
        layers += [nn.Dropout(work.dropout)] if work.dropout else []
    return nn.Sequential(*layers)


def _loss(work: Workload) -> Callable[[Any, Any], Any]:
    if work.loss == "cross-entropy":
        return lambda z, y: functional.cross_entropy(z, y)
    if work.loss == "pseudo-huber":
        return lambda z, y: (torch.sqrt(1.0 + (z - y) ** 2) - 1.0).sum(1).mean()
    if work.sums:
        return lambda z, y: functional.mse_loss(z, y, reduction="sum")
    # As here: the mean over rows of sums over columns.
    return lambda z, y: functional.mse_loss(z, y) * z.shape[1]


def _rule(work: Workload, model: Any, flavour: str) -> Any:
    how = {"fused": flavour == "fused", "foreach": flavour == "foreach"}
    if work.rule == "adam":
        return torch.optim.Adam(model.parameters(), lr=work.rate, **how)
    return torch.optim.SGD(model.parameters(), lr=work.rate, **how)


def _layers(model: Any) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    for module in model:
        if isinstance(module, nn.Linear):
            layers.append({"W": module.weight.detach().numpy().T})
            if module.bias is not None:
                layers[-1]["b"] = module.bias.detach().numpy()
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1]["gamma"] = module.weight.detach().numpy()
            layers[-1]["beta"] = module.bias.detach().numpy()
    return layers


def engine(name: str) -> PyTorch:
    """The engine."""
    return PyTorch()
