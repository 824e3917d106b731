"""How formulas print: parentheses where they are needed and nowhere else."""

import random
import re

import numpy as np
import pytest

from pullback.dims import axis
from pullback.formula import Manner, latex, layout, mathml, plain, tree
from pullback.formula.build import (
    add,
    at,
    laid_out,
    matmul,
    negative,
    number,
    outer,
    over,
    power,
    quotient,
    size,
    subtract,
    symbol,
    times,
    transpose,
)
from pullback.formula.mathml import BAR_OVER_WORD

N, D = axis("N"), axis("D")
a, b, c = (symbol(name, ()) for name in "abc")
A, B, C = (symbol(name, (2, 2)) for name in "ABC")
X = symbol("X", (N, D))
W1 = symbol("W1", (D, D))
v, w = symbol("v", (D,)), symbol("w", (N,))
Y = symbol("Y", (D, N))


def text(formula, **manner):
    return plain(layout(formula, Manner(one_line=True, **manner)).box)


def tex(formula, **manner):
    return latex(layout(formula, Manner(**manner)).box)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (subtract(a, subtract(b, c)), "a − (b − c)"),
        (subtract(subtract(a, b), c), "a − b − c"),
        (add(a, negative(b)), "a − b"),
        (subtract(a, negative(b)), "a − (−b)"),
        (add(a, number(-2.0)), "a + (−2)"),
        (negative(add(a, b)), "−(a + b)"),
        (negative(times(a, b)), "−a b"),
        (times(add(a, b), c), "(a + b) c"),
        (times(a, number(2)), "2 a"),
        (times(number(2), number(3)), "2 · 3"),
        (times(a, negative(b)), "a (−b)"),
        (quotient(a, quotient(b, c)), "a/(b/c)"),
        (quotient(quotient(a, b), c), "a/b/c"),
        (times(quotient(number(1), a), b), "(1/a) b"),
        (matmul(times(number(2), quotient(A, b)), B, (2, 2)), "(2 A/b) B"),
        (quotient(add(a, b), times(b, c)), "(a + b)/(b c)"),
        (power(negative(a), number(2)), "(−a)²"),
        (power(power(a, b), c), "(a^b)^c"),
        (power(a, add(b, c)), "a^(b + c)"),
        (power(times(a, b), number(-1)), "(a b)⁻¹"),
        (times(A, B), "A ⊙ B"),
        (times(a, times(A, B)), "a A ⊙ B"),
        (times(matmul(A, B, (2, 2)), C), "(A B) ⊙ C"),
        (matmul(times(A, B), C, (2, 2)), "(A ⊙ B) C"),
        (matmul(A, add(B, C), (2, 2)), "A (B + C)"),
        (times(A, add(B, C)), "A ⊙ (B + C)"),
        (transpose(matmul(A, B, (2, 2))), "(A B)ᵀ"),
        (transpose(transpose(A)), "A"),
        (power(A, number(2)), "A^⊙2"),
        (power(transpose(A), number(2)), "(Aᵀ)^⊙2"),
        (transpose(W1), "W₁ᵀ"),
        (over("∑", X, (0,)), "∑_{n=1..N} X_n"),
        (over("∑", X, (1,)), "∑_{d=1..D} X_{:,d}"),
        (over("∑", times(X, X), (0, 1)), "∑_{n=1..N} ∑_{d=1..D} X_nd X_nd"),
        (over("∑", add(X, v), (0, 1)), "∑_{n=1..N} ∑_{d=1..D} (X_nd + v_d)"),
        (add(over("∑", v, (0,)), a), "∑_{d=1..D} v_d + a"),
        (add(a, over("∑", v, (0,))), "a + ∑_{d=1..D} v_d"),
        (times(over("∑", v, (0,)), a), "(∑_{d=1..D} v_d) a"),
        (times(times(a, over("∑", v, (0,))), b), "a (∑_{d=1..D} v_d) b"),
        (times(a, over("∑", v, (0,))), "a ∑_{d=1..D} v_d"),
        (power(over("∑", v, (0,)), number(2)), "(∑_{d=1..D} v_d)²"),
        (times(size(N - 1), a), "(N − 1) a"),
        (size(2 * N * D), "2 D N"),
        (number(1e-8), "10⁻⁸"),
        (number(2.5e-8), "2.5 · 10⁻⁸"),
        (number(np.float32(0.1)), "0.1"),
        (number(float("-inf")), "−∞"),
        (symbol("y_pred", (), bar=True), "ȳ_pred"),
        (symbol("alpha_2", ()), "α₂"),
        (symbol("learning_rate", ()), "learning_rate"),
        (symbol("m_W1", ()), "m_W₁"),
        (symbol("beta1_2", ()), "β₁,₂"),
        (tree.Function((), (a,), name="moved", subscript="0, 2, 1"), "moved_{0, 2, 1}(a)"),
        (times(laid_out(v, (D, 1), (1,), added=True), w), "v ⊗ w"),
        (times(w, laid_out(v, (D, 1), (1,), added=True)), "v ⊗ w"),
        (times(times(a, laid_out(v, (D, 1), (1,), added=True)), w), "a v ⊗ w"),
        (times(laid_out(v, (D, 1), (1,), added=True), Y), "v ⊙ Y"),
        (over("∑", outer(v, w), (1,)), "∑_{n=1..N} w_n v"),
    ],
)
def test_one_line_of_text(formula, expected):
    assert text(formula) == expected


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (
            times(quotient(number(1), size(N)), over("∑", v, (0,))),
            r"\frac{1}{N}\,\sum_{d = 1}^D\,v_d",
        ),
        (power(quotient(a, b), number(2)), r"\left( \frac{a}{b} \right)^2"),
        (symbol("h_relu", (), bar=True), r"\bar{h}_{\mathrm{relu}}"),
        (symbol("logits", (), bar=True), r"\overline{\mathrm{logits}}"),
        (transpose(W1), r"W_1^\top"),
        (matmul(transpose(symbol("alpha", (2, 2))), A, (2, 2)), r"\alpha^\top\,A"),
        (symbol("x_hat", ()), r"x_{\mathrm{hat}}"),
        (times(symbol("alpha", ()), a), r"\alpha\,a"),
        (symbol("learning_rate", ()), r"\mathrm{learning\_rate}"),
    ],
)
def test_latex(formula, expected):
    assert tex(formula) == expected


def test_an_index_gets_a_letter_that_nothing_else_has():
    assert text(over("∑", X, (0,)), taken={"n"}) == "∑_{i=1..N} X_i"
    inner = over("∑", symbol("n", (D, N)), (1,))
    assert text(inner) == "∑_{i=1..N} n_{:,i}"
    square = over("∑", W1, (0, 1))
    assert text(square) == "∑_{d=1..D} ∑_{i=1..D} W₁_di"
    twice = over("∑", add(X, over("∑", X, (0,))), (0,))
    assert text(twice) == "∑_{n=1..N} (X_n + ∑_{i=1..N} X_i)"


def test_the_batch_is_a_set():
    mean = times(quotient(number(1), size(N)), over("∑", X, (0,)))
    assert text(mean, batch="N") == "(1/|B|) ∑_{i∈B} X_i"
    assert tex(mean, batch="N") == r"\frac{1}{|B|}\,\sum_{i \in B}\,X_i"


def test_an_index_goes_down_to_the_letters_of_what_is_done_entry_by_entry():
    n, d = tree.Index(N), tree.Index(D)
    part = at(add(times(X, v), a), (n, d))
    assert part.shape == ()
    assert [type(x) for x in part.walk() if isinstance(x, tree.Indexed)] == [tree.Indexed] * 2


def test_mathml_speaks_functions_and_products():
    found = mathml(layout(times(a, tree.Entrywise((), (b,), name="exp")), Manner()).box)
    assert "<mo>\u2062</mo>" in found
    assert "\u2061" in found
    assert '<mrow data-var="a"><mi>a</mi></mrow>' in found


def test_in_mathml_a_letter_has_its_bar_above_and_a_word_over_its_whole_width():
    letter = mathml(layout(symbol("y_pred", (), bar=True), Manner()).box)
    assert "<mover><mi>y</mi><mo>¯</mo></mover>" in letter
    word = mathml(layout(symbol("logits", (), bar=True), Manner()).box)
    assert f'<mrow style="{BAR_OVER_WORD}"><mi>logits</mi></mrow>' in word


# Printed text read back: each formula of random shape has the value of what it prints.


class Read:
    """A value under the operators of printed text: side by side, ⊙, powers, ᵀ."""

    def __init__(self, value):
        self.value = np.asarray(value, float)

    @property
    def T(self):
        return Read(self.value.T)

    def __mul__(self, other):
        matrices = self.value.ndim and other.value.ndim
        return Read(self.value @ other.value if matrices else self.value * other.value)

    def __matmul__(self, other):
        return Read(self.value * other.value)

    def __truediv__(self, other):
        return Read(self.value / other.value)

    def __add__(self, other):
        return Read(self.value + other.value)

    def __sub__(self, other):
        return Read(self.value - other.value)

    def __neg__(self):
        return Read(-self.value)

    def __pow__(self, other):
        return Read(self.value**other.value)


def read(printed, letters):
    """The value of a printed formula, by the rules of Python's operators."""
    python = printed.replace("−", "-").replace("ᵀ", ".T").replace(" · ", "*")
    python = re.sub(r"\^⊙(\d)", r"**\1", python).replace(" ⊙ ", "@")
    python = re.sub("[²³]", lambda match: {"²": "**2", "³": "**3"}[match[0]], python)
    python = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", python)
    python = re.sub(r"\d+", r"Read(\g<0>)", python)
    return eval(python, {"Read": Read, **letters}).value


def random_formula(choose, depth):
    """A formula of 2 by 2 matrices and numbers, and its value by NumPy."""
    if depth == 0 or choose.random() < 0.15:
        return choose.choice([*NUMBERS, *MATRICES])
    kind = choose.choice("+-*/@nt^")
    left, x = random_formula(choose, depth - 1)
    right, y = random_formula(choose, depth - 1)
    matrices = np.ndim(x) and np.ndim(y)
    if kind == "@" and matrices:
        return matmul(left, right, (2, 2)), x @ y
    if kind == "t" and np.ndim(x):
        return transpose(left), x.T
    if kind == "^":
        return power(left, number(2)), x**2
    if kind == "/" and not np.ndim(y):
        return quotient(left, right), x / y
    if kind == "n":
        return negative(left), -x
    build, value = {"+": (add, x + y), "-": (subtract, x - y)}.get(kind, (times, x * y))
    return build(left, right), value


NUMBERS = [(a, np.float64(1.5)), (b, np.float64(-0.75)), (number(2), np.float64(2))]
MATRICES = [
    (A, np.array([[1.0, 2.0], [-1.0, 0.5]])),
    (B, np.array([[0.5, -1.0], [2.0, 3.0]])),
    (C, np.array([[-2.0, 1.0], [0.25, 1.0]])),
]


@pytest.mark.parametrize("seed", range(300))
def test_a_printed_formula_reads_as_it_was_meant(seed):
    with np.errstate(all="ignore"):
        formula, value = random_formula(random.Random(seed), 4)
    letters = {"a": Read(1.5), "b": Read(-0.75)}
    letters |= {letter.name: Read(matrix) for letter, matrix in MATRICES}
    with np.errstate(all="ignore"):
        found = read(text(formula), letters)
    np.testing.assert_allclose(found, value, rtol=1e-9, equal_nan=True)
