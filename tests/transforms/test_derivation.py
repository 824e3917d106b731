"""The derivation as a value: what each use of a value sends back, and what it adds up to."""

import numpy as np
import pytest

import pullback as pb
from pullback.transforms import derivation_of, derive, local_program

RANDOM = np.random.default_rng(0)
SHAPES = {"x": (3, 4), "y": (3, 2), "W1": (4, 5), "W2": (5, 2), "b": (2,)}
VALUES = {name: RANDOM.normal(size=shape) for name, shape in SHAPES.items()}
SPECS = {"x": "N D", "y": "N C", "W1": "D H", "W2": "H C", "b": "C"}


def network(x, y, W1, W2, b):
    h = x @ W1
    h_relu = np.maximum(h, 0)
    y_pred = h_relu @ W2 + b
    return np.sum((y_pred - y) ** 2) + 0.1 * np.sum(h_relu * h)


def derived():
    return derive(pb.trace(network, **SPECS))


def at_values(derivation):
    return derivation.values(dict(zip(derivation.program.inputs, VALUES.values(), strict=True)))


def test_contributions_add_up_to_the_cotangent_of_every_value():
    derivation = derived()
    values = at_values(derivation)
    assert len(derivation.cotangents) > 8
    for var, cotangent in derivation.cotangents.items():
        parts = [derivation.value_of(c.cotangent, values) for c in derivation.children(var)]
        total = derivation.value_of(cotangent, values)
        assert np.allclose(sum(parts), total, rtol=1e-12)
        assert np.shape(total) == np.shape(values[var])


def test_the_cotangents_of_inputs_are_the_gradient():
    derivation = derived()
    values = at_values(derivation)
    gradients = pb.grad(network, wrt=list(SHAPES))(**VALUES)
    for var, gradient in zip(derivation.wrt, gradients, strict=True):
        cotangent = derivation.value_of(derivation.cotangents[var], values)
        assert np.allclose(cotangent, gradient, rtol=1e-12)


def test_a_fork_lists_one_contribution_for_each_use():
    derivation = derived()
    names = derivation.forward.names
    (h,) = [var for var in derivation.cotangents if names[var] == "h"]
    uses = [(c.equation.primitive.name, c.position) for c in derivation.children(h)]
    assert uses == [("multiply", 1), ("maximum", 0)]


def test_a_local_program_computes_its_contribution():
    derivation = derived()
    values, names = at_values(derivation), derivation.forward.names
    known = {names[var]: values[var] for var in (*derivation.forward.inputs,)}
    known |= {names[e.out]: values[e.out] for e in derivation.forward.equations}
    seen = 0
    for pull in derivation.pulls:
        ct = derivation.value_of(pull.cotangent, values)
        for contribution in pull.contributions:
            local = local_program(derivation.forward, contribution)
            arguments = {
                a.name: ct if local.argument_inputs[i].cotangent_of else known[a.name]
                for i, a in enumerate(local.arguments)
            }
            expected = derivation.value_of(contribution.cotangent, values)
            assert np.allclose(local(**arguments), expected, rtol=1e-12)
            seen += 1
    assert seen > 10


def test_a_local_program_reads_as_one_writes_it():
    derivation = derived()
    names = derivation.forward.names
    texts = {
        names[c.target]: local_program(derivation.forward, c).to_numpy()
        for pull in derivation.pulls
        for c in pull.contributions
        if c.equation.primitive.name == "matmul"
    }
    assert "return h_relu.T @ dmatmul" in texts["W2"]


def test_forward_variables_stay_the_same_objects():
    derivation = derived()
    inner = {equation.out for equation in derivation.program.equations}
    assert all(equation.out in inner for equation in derivation.forward.equations)
    assert set(derivation.forward.inputs) <= set(derivation.program.inputs)


def test_a_gradient_program_knows_what_it_was_derived_from():
    program = pb.trace(network, **SPECS)
    step = pb.grad(program, wrt=["W1", "W2"])
    derivation = derivation_of(step)
    assert derivation.forward is program
    assert [program.names[var] for var in derivation.wrt] == ["W1", "W2"]
    assert derivation_of(program) is None
    assert derivation_of(pb.Program.from_json(step.to_json())) is None
    single = derivation_of(step.astype("f4"))
    assert {var.aval.dtype for var in single.wrt} == {np.dtype("f4")}


def test_cotangents_are_marked_through_simplification_nesting_and_the_file_form():
    step = pb.grad(pb.trace(network, **SPECS), wrt=["W1", "W2"])

    def marks(program):
        outs = [equation.out for equation in program.equations]
        return {program.names[var]: var.cotangent_of for var in outs if var.cotangent_of}

    assert marks(step)["dW1"] == "W1"
    assert marks(step)["dh"] == "h"
    assert marks(pb.Program.from_json(step.to_json())) == marks(step)
    nested = pb.trace(lambda **values: pb.grad(network, wrt="W1")(**values), **SPECS)
    assert marks(nested)["dW1"] == "W1"


def test_an_unseeded_derivation_takes_the_cotangents_of_the_outputs():
    program = pb.trace(lambda x: np.exp(x), x="N")
    derivation = derive(program, seeded=False)
    x, ct = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    values = derivation.values(dict(zip(derivation.program.inputs, (x, ct), strict=True)))
    (cotangent,) = (derivation.cotangents[var] for var in derivation.wrt)
    assert np.array_equal(derivation.value_of(cotangent, values), ct * np.exp(x))


def test_what_has_no_derivation_is_refused():
    with pytest.raises(pb.PullbackError, match="one floating number"):
        derive(pb.trace(np.exp, x="N"))
    with pytest.raises(pb.PullbackError, match="no floating argument"):
        derive(pb.trace(lambda n: n + 1, n="i8 N"))
    derivation = derived()
    with pytest.raises(pb.PullbackError, match="enters from outside"):
        local_program(derivation.forward, derivation.seeds[0])
