"""The trail of simplification: every step is an equality, stated with its condition."""

import numpy as np
import pytest
from golden_programs import PROGRAMS

import pullback as pb
from pullback.errors import UsageError
from pullback.program import Var
from pullback.tracing.replay import replay, replay_values
from pullback.transforms.derivation import derivation_of
from pullback.transforms.identities import IDENTITIES
from pullback.transforms.retype import specialize
from pullback.transforms.simplify import simplify
from pullback.transforms.trail import explained, trail
from pullback.views.samples import axis_sizes, drawn, sample_texts

GRADIENTS = [name for name, make in PROGRAMS.items() if make().origin is not None]

CHAIN = """\
dlogits
    -np.broadcast_to(1.0 / N, (N,))
  = np.broadcast_to(-(1.0 / N), (N,))
    np.expand_dims(np.broadcast_to(-(1.0 / N), (N,)), axis=1)
  = np.broadcast_to(-(1.0 / N), (N, 1))
    np.broadcast_to(np.broadcast_to(-(1.0 / N), (N, 1)), (N, 10))
  = np.broadcast_to(-(1.0 / N), (N, 10))
    np.broadcast_to(-(1.0 / N), (N, 10)) * y
  = -(1.0 / N) * y
    -(1.0 / N) * y - softmax(logits, axis=1) * np.sum(-(1.0 / N) * y, axis=1, keepdims=True)
  = -(1.0 / N) * y - softmax(logits, axis=1) * (-(1.0 / N) * np.sum(y, axis=1, keepdims=True))
  = -(1.0 / N) * (y - softmax(logits, axis=1) * np.sum(y, axis=1, keepdims=True))
  = -(1.0 / N) * (y - softmax(logits, axis=1) * np.ones((N, 1)))
  = -(1.0 / N) * (y - softmax(logits, axis=1) * 1.0)
  = 1.0 / N * (softmax(logits, axis=1) * 1.0 - y)
  = (softmax(logits, axis=1) * 1.0 - y) / N
  = (softmax(logits, axis=1) - y) / N"""


def values_by_name(program):
    """The value of every named variable of a gradient's derivation, at small inputs."""
    derivation = derivation_of(program)
    forward = derivation.forward

    def is_fit(values):
        fixed = specialize(forward, axis_sizes(forward))
        try:
            with np.errstate(all="ignore"):
                results = replay(fixed, dict(zip(fixed.argument_inputs, values, strict=True)))
        except ValueError:
            return False
        return all(np.all(np.isfinite(result)) for result in results)

    values = drawn(sample_texts(forward, None, is_fit))
    fixed = specialize(derivation.program, axis_sizes(forward))
    given = dict(zip(fixed.argument_inputs, values, strict=True))
    outs = [*fixed.inputs, *(equation.out for equation in fixed.equations)]
    computed = replay_values(fixed, given)
    names = derivation.program.names.values()
    return dict(zip(names, (computed[var] for var in outs), strict=True)), axis_sizes(forward)


def value_of(part, values, sizes):
    fixed = specialize(part, sizes)
    given = {
        var: values[part.names[old]] for var, old in zip(fixed.inputs, part.inputs, strict=True)
    }
    (value,) = replay(fixed, given)
    return value


@pytest.mark.parametrize("name", GRADIENTS)
def test_each_step_changes_a_line_to_an_equal_one(name):
    program = PROGRAMS[name]()
    values, sizes = values_by_name(program)
    steps = trail(program)
    assert steps
    for step in steps:
        before, after = (value_of(p, values, sizes) for p in (step.line_before, step.line_after))
        scale = 1 + np.max(np.abs(before))
        assert np.allclose(np.broadcast_to(after, np.shape(before)), before, atol=1e-6 * scale)
        assert step.condition


@pytest.mark.parametrize("name", GRADIENTS)
def test_looking_on_changes_nothing(name):
    derived = derivation_of(PROGRAMS[name]()).program

    class Watching:
        steps = 0

        def begin(self, body):
            pass

        def rewritten(self, rewrite):
            self.steps += 1

    watching = Watching()
    assert simplify(derived, observer=watching).fingerprint() == simplify(derived).fingerprint()
    assert watching.steps == len(trail(PROGRAMS[name]()))


def test_softmax_with_cross_entropy_becomes_p_minus_y_step_by_step():
    text = str(PROGRAMS["grad_cross_entropy"]().simplifications())
    lines = [line for line in text.splitlines() if not line.startswith(" " * 6)]
    assert "\n".join(lines) == CHAIN
    assert "        sum_of_distribution: sum(y) = 1." in text
    assert "Condition: the rows of y are known to sum to 1, and are summed alone." in text


def test_the_last_line_is_that_of_the_program():
    steps = PROGRAMS["grad_forward"]().simplifications()
    assert str(steps).splitlines()[0] == "dy_pred"
    source = PROGRAMS["grad_forward"]().to_numpy()
    last = [line for line in str(steps).splitlines() if line.startswith("  = ")][-1]
    assert f"dy_pred = {last.removeprefix('  = ')}" in source


def test_before_and_after_are_the_part_that_changed():
    steps = PROGRAMS["grad_cross_entropy"]().simplifications()
    (step,) = [step for step in steps if step.identity == "sum_of_distribution"]
    assert [e.primitive.name for e in step.before.equations] == ["one_hot", "sum"]
    assert [e.primitive.name for e in step.after.equations] == ["full"]
    assert step.value == "dlogits"
    assert isinstance(step.before.inputs[0], Var)


def test_the_equations_of_both_sides_are_there_to_be_written():
    steps = PROGRAMS["grad_cross_entropy"]().simplifications()
    for step in steps:
        for part in (step.before, step.after, step.line_before, step.line_after):
            assert part.to_latex().count("{") == part.to_latex().count("}")
    assert r"\overline{\mathrm{logits}} &=" in steps[-1].line_after.to_latex()
    assert repr(steps[-1]) == "<Simplification of dlogits by times_one>"


def test_repeated_work_is_a_step_too():
    def f(x):
        p = pb.nn.softmax(x, axis=1)
        return np.sum(p * pb.nn.log_softmax(x, axis=1))

    steps = pb.grad(pb.trace(f, x="N D")).simplifications()
    (again,) = [step for step in steps if step.identity == "computed_before"]
    assert [e.primitive.name for e in again.before.equations] == ["softmax"]
    assert again.after.outputs[0].hint == "p"
    assert again.condition.startswith("none")


def test_it_shows_itself_in_a_notebook():
    steps = PROGRAMS["grad_in_place"]().simplifications()
    page = steps._repr_html_()
    assert "<code>dy_pred</code>" in page
    assert page.count("<li>") == page.count("</li>") > 3
    assert len(steps) == len(list(steps))
    assert steps[0] is next(iter(steps))


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.__name__)
def test_each_identity_states_what_holds_and_when(identity):
    statement, condition = explained(identity)
    assert statement.endswith(".")
    assert condition.endswith(".")
    assert len(statement) < 90
    assert identity.__doc__.split("\n\n")[1].strip().startswith("Condition: ")


def test_what_is_not_derived_has_no_trail():
    forward = PROGRAMS["forward"]()
    read = pb.Program.from_json(PROGRAMS["grad_forward"]().to_json())
    for program in (forward, read):
        with pytest.raises(UsageError, match="nothing is known of how it was simplified"):
            program.simplifications()
