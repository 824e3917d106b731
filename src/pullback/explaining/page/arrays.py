"""A number or array as a figure: a number, a table of coloured cells, or a heat map with its
range, mean and count of zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...views.graph.texts import number_text
from .heat import as_matrix, is_averaged, largest_size, level_of, pixels_of
from .markup import Content, Markup, element
from .png import data_address
from .words import Words

MOST_COLUMNS, MOST_CELLS = 8, 36
"""An array with no more entries is written out."""

WIDEST, TALLEST, THINNEST, PIXEL = 200, 150, 14, 14
"""Sizes of heat maps, and of one entry at most, in CSS pixels."""


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as people write it: 64 × 100; a number has none."""
    return " × ".join(map(str, shape))


def array_figure(value: Any, name: str, words: Words) -> Markup:
    """A value as a figure.

    Args:
        value: A number or array.
        name: What it is called, for people who cannot see the picture.
        words: The language.
    """
    array = np.asarray(value)
    if array.size == 0:
        return element("p", words("array.empty"))
    first = array.flat[0]
    if array.size == 1:
        return element("p", number(first), class_="number")
    if np.all(array == first):
        return element("p", words("array.all", size=f"{array.size:,}", number=number(first)))
    matrix = as_matrix(array)
    if array.size <= MOST_CELLS and matrix.shape[1] <= MOST_COLUMNS:
        body = _cells(array, matrix, name)
    else:
        body = _heat_map(matrix, name, array.shape, words)
    return element("figure", [body, element("figcaption", summary(array, words))], class_="array")


def number(value: Any) -> str:
    """A number in a few characters, with a true minus sign."""
    return number_text(value).replace("-", "−")


def summary(array: Any, words: Words) -> str:
    """Range, mean and zeros of an array, in words."""
    if array.dtype.kind == "b":
        true = int(np.count_nonzero(array))
        return words("array.true", count=f"{true:,}", size=f"{array.size:,}")
    finite = array[np.isfinite(array)]
    parts = []
    if finite.size:
        low, mean, high = np.min(finite), np.mean(finite), np.max(finite)
        texts = {"low": low, "mean": mean, "high": high}
        parts.append(words("array.range", **{k: number(v) for k, v in texts.items()}))
    counts = {
        "array.zeros": array.size - np.count_nonzero(array),
        "array.not_finite": array.size - finite.size,
    }
    for key, count in counts.items():
        if count:
            parts.append(words(key, count=f"{count:,}", size=f"{array.size:,}"))
    return words("array.join").join(parts)


def legend(top: float, words: Words) -> Markup:
    """The colours' meaning: from -top over 0 to top."""
    ends: list[Content] = [
        element("span", f"−{number(top)}"),
        element("span", "", class_="scale", role="img", aria_label=words("array.scale")),
        element("span", number(top)),
    ]
    return element("div", ends, class_="legend")


def _cells(array: Any, matrix: Any, name: str) -> Markup:
    top = largest_size(matrix)
    rows = array.reshape(matrix.shape)
    body = [element("tr", [_cell(entry, top) for entry in row]) for row in rows]
    return element("table", element("tbody", body), class_="cells", aria_label=name)


def _cell(entry: Any, top: float) -> Markup:
    text = str(int(entry)) if isinstance(entry, np.bool_) else number(entry)
    return element("td", text, class_=level_of(float(entry), top))


def _heat_map(matrix: Any, name: str, shape: tuple[int, ...], words: Words) -> Markup:
    pixels, top = pixels_of(matrix)
    height, width = pixels.shape[:2]
    scale = min(PIXEL, WIDEST / width, TALLEST / height)
    alt = words("array.heat_map", name=name, shape=shape_text(shape))
    image = element(
        "img",
        src=data_address(pixels),
        alt=alt,
        width=max(THINNEST, round(width * scale)),
        height=max(THINNEST, round(height * scale)),
        class_="heat",
    )
    averaged = words("array.averaged") if is_averaged(matrix) else None
    return Markup(image + legend(top, words) + (element("small", averaged) if averaged else ""))
