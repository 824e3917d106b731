"""How a variable's name is written in a formula: W1 as W with 1 below, h_relu as h with relu.

Nothing is guessed: x_hat is x with "hat" below, since only its author knows what it means.
"""

from __future__ import annotations

import re

from .boxes import Barred, Box, Comma, Digits, Letters, Row, Script

GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "epsilon": "ε",
    "zeta": "ζ",
    "eta": "η",
    "theta": "θ",
    "iota": "ι",
    "kappa": "κ",
    "lambda_": "λ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "xi": "ξ",
    "pi": "π",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "phi": "φ",
    "chi": "χ",
    "psi": "ψ",
    "omega": "ω",
    "Gamma": "Γ",
    "Delta": "Δ",
    "Theta": "Θ",
    "Lambda": "Λ",
    "Xi": "Ξ",
    "Pi": "Π",
    "Sigma": "Σ",
    "Phi": "Φ",
    "Psi": "Ψ",
    "Omega": "Ω",
}

_STEM = re.compile(r"(.*?[^\d])(\d+)")


def box_of_name(name: str, bar: bool = False) -> Box:
    """A variable's name as a box."""
    stem, subscripts = split_name(name)
    letters: Box = _letters(stem)
    base: Box = Barred(letters) if bar else letters
    if not subscripts:
        return base
    return Script(base, joined([_subscript(text) for text in subscripts]))


def split_name(name: str) -> tuple[str, list[str]]:
    """The letter (or word) of a name, and what stands below it.

    Words below a letter go below it (h_relu); a word is not divided (learning_rate).
    """
    whole = name if name in GREEK else name.strip("_") or name
    parts = [whole] if whole in GREEK else [p for p in whole.split("_") if p] or [whole]
    stem, digits = _without_digits(parts[0])
    rest = parts[1:]
    if len(GREEK.get(stem, stem)) > 1 and not all(part.isdecimal() for part in rest):
        return whole, []
    return stem, [*digits, *rest]


def _without_digits(text: str) -> tuple[str, list[str]]:
    match = _STEM.fullmatch(text)
    return (match.group(1), [match.group(2)]) if match else (text, [])


def joined(items: list[Box]) -> Box:
    """Boxes in a row with commas between them."""
    row: list[Box] = []
    for item in items:
        row += [Comma(), item] if row else [item]
    return row[0] if len(row) == 1 else Row(tuple(row))


def _letters(text: str) -> Letters:
    letter = GREEK.get(text, text)
    return Letters(letter, upright=len(letter) > 1)


def _subscript(text: str) -> Box:
    if text.isdecimal():
        return Digits(text)
    stem, digits = _without_digits(text)
    return Script(_letters(stem), Digits(digits[0])) if digits else _letters(stem)
