"""What the README shows as derived is what is derived."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import pullback as pb

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def forward(x, y, W1, W2):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2
    return np.sum((y_pred - y) ** 2)


def test_the_derived_lines_are_those_of_the_source():
    program = pb.trace(forward, x="N D", y="N C", W1="D H", W2="H C")
    source = pb.grad(program, wrt=["W1", "W2"]).to_numpy()
    backward = source.split("    # backward\n")[1].split("    return")[0]
    shown = re.search(r"```python no-run\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert shown[1].split() == backward.split()


def test_the_forward_function_is_the_one_derived():
    shown = re.search(r"def forward\(.*?\n```", README, re.DOTALL)
    assert shown is not None
    for line in ("h = x @ W1", "h_relu = np.maximum(h, 0)", "y_pred = h_relu @ W2"):
        assert line in shown[0]
