"""Formulas evaluated over NumPy: what a tree says, apart from how it is printed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from pullback.dims import Dim, Slice, evaluate
from pullback.formula import tree
from pullback.primitive import REGISTRY

OVER = {
    "∑": np.sum,
    "∏": np.prod,
    "max": np.max,
    "min": np.min,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "any": np.any,
    "all": np.all,
}
RELATIONS = {
    ">": np.greater,
    "≥": np.greater_equal,
    "<": np.less,
    "≤": np.less_equal,
    "=": np.equal,
    "≠": np.not_equal,
}
JUNCTIONS = {"∧": np.logical_and, "∨": np.logical_or, "⊕": np.logical_xor}
ARITHMETIC = {
    tree.Add: lambda x, y: x + y,
    tree.Subtract: lambda x, y: x - y,
    tree.Negative: lambda x: -x,
    tree.Times: lambda x, y: x * y,
    tree.Quotient: lambda x, y: x / y,
    tree.Power: lambda x, y: x**y,
    tree.Root: np.sqrt,
    tree.Absolute: np.abs,
    tree.Norm: lambda x: np.sqrt(np.sum(x * x)),
    tree.Outer: np.outer,
    tree.Transpose: np.transpose,
}


class Evaluator:
    """The value of formulas for given values of the letters and lengths of the axes."""

    def __init__(self, letters: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        self.letters = letters
        self.sizes = sizes
        self.places: dict[tree.Index, int] = {}

    def __call__(self, x: tree.Formula) -> Any:
        match x:
            case tree.Symbol():
                return self.letters[x.key]
            case tree.Number():
                return x.value
            case tree.Size():
                return evaluate(x.dim, self.sizes)
            case tree.Ones():
                return np.ones([evaluate(dim, self.sizes) for dim in x.shape])
            case tree.Zeros():
                return np.zeros([evaluate(dim, self.sizes) for dim in x.shape])
            case tree.Indexed():
                return self(x.parts[0])[tuple(map(self.place, x.subscripts))]
            case tree.Over():
                return self.over(x)
            case tree.Silent():
                return self.silent(x)
        return self.of_values(x, [self(part) for part in x.parts])

    def of_values(self, x: tree.Formula, parts: list[Any]) -> Any:
        match x:
            case tree.Relation():
                return RELATIONS[x.sign](*parts)
            case tree.Junction():
                return JUNCTIONS[x.sign](*parts)
            case tree.Not():
                return np.logical_not(*parts)
            case tree.Cases():
                return np.where(*parts)
            case tree.Function():
                return self.function(x, parts)
            case tree.Entries():
                return REGISTRY[x.primitive].evaluate(*parts, **self.params(x))
            case tree.Matmul():
                product = np.matmul(*parts)
                return product.reshape(()) if x.shape == () else product
        numbers = [part * 1 if np.asarray(part).dtype == bool else part for part in parts]
        return ARITHMETIC[type(x)](*numbers)

    def place(self, subscript: tree.Subscript) -> Any:
        if subscript is None:
            return slice(None)
        return 0 if isinstance(subscript, tree.First) else self.places[subscript]

    def over(self, x: tree.Over) -> Any:
        values = []
        lengths = [range(evaluate(index.dim, self.sizes)) for index in x.indices]
        for places in itertools.product(*lengths):
            self.places.update(zip(x.indices, places, strict=True))
            values.append(self(x.parts[0]))
        return OVER[x.sign](np.stack(values), axis=0)

    def silent(self, x: tree.Silent) -> Any:
        lay = np.expand_dims if x.added else np.squeeze
        return lay(self(x.parts[0]), axis=x.axes)

    def function(self, x: tree.Function, parts: list[Any]) -> Any:
        if x.primitive == "cosh":
            return np.cosh(*parts)
        params = self.params(x)
        if not x.columns:
            return REGISTRY[x.primitive].evaluate(*parts, **params)
        rows = [np.asarray(part).T for part in parts]
        if x.primitive == "one_hot":
            rows = [part[0] for part in rows]
        return REGISTRY[x.primitive].evaluate(*rows, **params).T

    def params(self, x: Any) -> dict[str, Any]:
        return {name: self.param(value) for name, value in x.params.items()}

    def param(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return evaluate(value, self.sizes)
        if isinstance(value, Slice):
            return Slice(*map(self.param, (value.start, value.stop, value.step)))
        return tuple(map(self.param, value)) if isinstance(value, tuple) else value
