"""What stands below equations: the rules that they are instances of, and reasons."""

import numpy as np
from golden_programs import SHAPES, forward

import pullback as pb
from pullback.views.equations import equations


def test_a_matrix_times_a_vector_sends_an_outer_product():
    program = pb.grad(pb.trace(lambda A, x: np.sum(np.sin(A @ x)), A="M N", x="N"))
    assert "Ā = cos(A x) ⊗ x " in program.to_text()
    assert "z = X y ⇒ X̄ = z̄ ⊗ y" in program.to_text(rules=True)
    assert "Ā = x cos(Aᵀ x)ᵀ " in program.to_text(columns=True)


def test_with_column_vectors_each_equation_is_an_instance_of_its_rule():
    program = pb.grad(pb.trace(forward, **SHAPES), wrt=["W1", "W2"])
    text = program.to_text(columns=True, rules=True)
    assert "W̄₂ = ȳ_pred ∂y_pred/∂W₂\n             Z = Y X ⇒ Ȳ = Z̄ Xᵀ" in text
    assert "Z = Y X ⇒ X̄ = Yᵀ Z̄" in text
    assert "X Y" not in text


def test_an_error_signal_without_a_name_has_no_sum_over_children():
    program = pb.grad(
        pb.trace(lambda x, W: np.sum(np.tanh(3 * (x @ W @ W))), x="N D", W="D D"), "W"
    )
    text = program.to_text(rules=True)
    assert text.count("∂c") == 1
    assert "Z = 3 X ⇒ X̄ = 3 Z̄" in text


def test_a_repeated_column_sums_over_nothing():
    program = pb.grad(pb.trace(lambda a, b: np.sum(a / (1 + b)), a="N D", b="D"))
    assert "1_{N×1} (1/(1 + b))" in program.to_text(reasons=True)
    assert "      the only product of (N, 1) and (1, D) with a's" in program.to_text(reasons=True)
    assert "sums over" not in program.to_text(reasons=True)


def test_a_gradient_that_equals_another_or_an_input_has_an_equation_too():
    def f(a, b, n, i):
        return np.sum(np.tanh(a + b)) + np.sum(n * i)

    program = pb.grad(pb.trace(f, a="N", b="N", n="N", i="N"), wrt=["a", "b", "n", "i"])
    lines = [line.text() for line in equations(program)]
    assert lines == ["ā = 1 − tanh(a + b)^⊙2", "b̄ = ā", "n̄ = i", "ī = n"]
    doubled = pb.grad(pb.trace(lambda a: 2 * a, a="float"))
    assert [line.text() for line in equations(doubled)] == ["ā = 2"]


def test_the_running_child_is_no_letter_of_another_value():
    def scaled(x, c):
        return np.sum(np.exp(x) * x * c)

    text = pb.grad(pb.trace(scaled, x="N", c=""), wrt="x").to_text(rules=True)
    assert "c̄" not in text
    assert "k̄" in text
