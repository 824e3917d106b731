"""Stepping through a backward pass: what each step says, and the way forwards and back."""

from html.parser import HTMLParser

import numpy as np
import pytest
from networks import SHARED, SPECS, VALUES, forked, shared, two_layer

import pullback as pb
from pullback.explaining.notes import notes_subject
from pullback.explaining.step_text import value_text

WEIGHTS = ["W1", "W2"]


def stepping(function=forked, values=VALUES, wrt=WEIGHTS, **settings):
    return pb.step_through(function, wrt=wrt, **settings, **values)


def test_the_steps_are_the_equations_backwards():
    steps = stepping(two_layer)
    assert [step.source for step in steps] == [
        "loss = np.sum(power)",
        "power = subtract ** 2",
        "subtract = y_pred - y",
        "y_pred = h_relu @ W2",
        "h_relu = np.maximum(h, 0)",
        "h = x @ W1",
    ]
    assert "y_pred = h_relu @ W2" in str(steps[3].where)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5, 6]
    assert len(steps[1:3]) == 2


def test_a_step_says_v_and_v_J_for_each_input():
    step = stepping(two_layer).jump("y_pred")
    x, y, W1, W2 = VALUES.values()
    h_relu = np.maximum(x @ W1, 0)
    v = 2 * (h_relu @ W2 - y)
    assert np.allclose(step.cotangent, v)
    to_h_relu, to_W2 = step.sends
    assert (to_h_relu.name, to_h_relu.source) == ("h_relu", "dy_pred @ W2.T")
    assert (to_W2.name, to_W2.source) == ("W2", "h_relu.T @ dy_pred")
    assert np.allclose(to_h_relu.value, v @ W2.T)
    assert np.allclose(to_W2.value, h_relu.T @ v)


def test_the_memory_of_the_jacobian_stands_against_what_the_vjp_touches():
    steps = pb.step_through(np.exp, np.zeros(1000))
    (sent,) = steps.current.sends
    assert sent.jacobian_shape == (1000, 1000)
    assert sent.jacobian_bytes == 8 * 1000 * 1000
    assert sent.vjp_bytes == 8 * 3 * 1000  # v and out are read, v J is written
    to_W1 = pb.explaining.BackwardSteps(notes_subject()).jump("h").sends[0]
    assert to_W1.jacobian_bytes == 8 * 64 * 100 * 1000 * 100
    assert to_W1.vjp_bytes == 8 * (64 * 100 + 64 * 1000 + 1000 * 100)


def test_what_has_arrived_and_what_is_missing_at_a_fork():
    steps = stepping()
    at = {step.name: step for step in steps}
    h = VALUES["x"] @ VALUES["W1"]
    first, second = (sent.arrived for sent in at["multiply"].sends)
    assert [len(first.sent), len(first.missing)] == [1, 2]
    assert np.allclose(first.total, h)
    assert [len(second.sent), len(second.missing)] == [2, 1]
    assert np.allclose(second.total, 2 * h)
    assert not second.is_complete
    third = at["h_relu"].sends[0].arrived
    assert third.is_complete
    assert third.is_fork
    assert np.allclose(third.total, at["h"].cotangent)
    waiting = {arrived.name: len(arrived.missing) for arrived in at["subtract"].waiting}
    assert waiting == {"W1": 1, "h": 1, "y_pred": 0}


@pytest.mark.parametrize(
    ("function", "values", "wrt"),
    [(two_layer, VALUES, WEIGHTS), (forked, VALUES, WEIGHTS), (shared, SHARED, ["W", "W_out"])],
)
def test_what_waits_at_the_end_is_the_gradient(function, values, wrt):
    last = stepping(function, values, wrt)[-1]
    assert all(arrived.is_complete for arrived in last.waiting)
    arrived = {arrived.name: arrived.total for arrived in last.waiting}
    derived = pb.grad(function, wrt=wrt)(**values)
    assert arrived.keys() == set(wrt)
    for name, gradient in zip(wrt, derived, strict=True):
        assert np.allclose(arrived[name], gradient, rtol=1e-12)


def test_forwards_and_back():
    steps = stepping(two_layer)
    assert steps.current.name == "loss"
    assert steps.next().name == "power"
    assert steps.back().name == steps.back().name == "loss"
    assert steps.jump("h").number == 6
    assert steps.next().name == "h"
    with pytest.raises(pb.PullbackError, match="No step is of 'h_rely'.*Did you mean 'h_relu'"):
        steps.jump("h_rely")


def test_the_switch_keeps_the_place_and_shows_the_wrong_answer_beside_the_right_one():
    steps = stepping()
    steps.jump("h")
    wrong = steps.overwritten()
    assert wrong.current.name == "h"
    assert wrong.overwrites
    assert wrong.current.is_wrong
    assert not steps.current.is_wrong
    assert np.array_equal(wrong.current.right_cotangent, steps.current.cotangent)
    assert not np.allclose(wrong.current.cotangent, steps.current.cotangent)
    arrived = {send.contribution.position: send.arrived for send in wrong.jump("multiply").sends}
    assert np.allclose(arrived[1].total, VALUES["x"] @ VALUES["W1"])
    assert not wrong.added().overwrites
    assert stepping(overwrite=True).overwrites
    assert not any(step.is_wrong for step in stepping(two_layer, overwrite=True))


def test_a_step_as_text():
    steps = stepping()
    assert str(steps).startswith("1 enters at loss")
    steps.jump("multiply")
    text = str(steps)
    assert text.startswith("step 7 of 13: multiply = h * h\n")
    assert "v J for h (input 2)  (4, 3)\n      dmultiply * h\n" in text
    assert "J would be (4, 3, 4, 3), 1.15 kB; the VJP moves 288 B" in text
    assert "it is added: dh is now" in text
    assert "  at h: 2 of 3 arrived, missing from h_relu\n  complete: sum_1" in text
    steps.jump("h_relu")
    assert "in the source: dh_relu = dy_pred @ W2.T\n" in str(steps)


def test_the_wrong_pass_as_text():
    steps = stepping(overwrite=True)
    steps.jump("h_relu")
    assert "it replaces what had arrived: dh is now" in str(steps)
    text = str(steps.next() and steps)
    assert "wrong, it should be" in text
    assert "wrong first at the fork h: what multiply sends replaces what had arrived" in text
    assert "  dW1: wrong, off by 28% of its largest entry\n  dW2: right" in text
    without = stepping(two_layer, overwrite=True)
    without.jump("h")
    assert "nothing changes: no value is read more than once" in str(without)


def test_how_far_a_wrong_gradient_is_off_is_told_where_it_can_be():
    x = np.array([1.0, 2.0])

    def told(function, x=x):
        return str(pb.step_through(function, x, overwrite=True).overwriting)

    assert told(lambda x: np.sum(x - x)).endswith("dx: wrong, it should be 0")
    first = told(lambda x: np.sum(x) + np.sum(1e-9 * x))
    assert first.endswith("off by less than 1% of its largest entry")
    last = told(lambda x: np.sum(1e-9 * x) + np.sum(x))
    assert last.endswith("off by 100% of its largest entry")
    with np.errstate(divide="ignore"):
        assert told(lambda x: np.sum(np.log(x - 1) + x)).endswith("dx: wrong")


def test_a_small_number_is_not_shown_as_zero():
    steps = pb.step_through(lambda x: np.sum(1e-9 * x), np.array([1.0, 2.0]))
    assert "[1.e-09 1.e-09]" in str(steps[-1])


def test_a_vector_result_says_what_enters():
    x = np.array([0.0, 1.0])
    assert "Normal random numbers enter at exp" in str(pb.step_through(np.exp, x))
    given = pb.step_through(np.exp, x, cotangent=np.ones(2))
    assert "What was given enters at exp" in str(given)
    assert np.allclose(given.current.sends[0].value, np.exp(x))


def test_a_program_and_its_gradient_are_stepped_through_alike():
    program = pb.trace(forked, **SPECS)
    texts = [
        str(pb.step_through(each, **VALUES, wrt=WEIGHTS).next().source)
        for each in (program, pb.grad(program))
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("function", [lambda x: x, lambda x: np.float64(3.0)])
def test_a_pass_without_steps_is_refused(function):
    with pytest.raises(pb.PullbackError, match="has no steps"):
        pb.step_through(function, 2.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([-0.0, 1.25]), "[0.   1.25]"),
        (np.zeros((0, 2)), "empty"),
        (np.arange(2), "[0 1]"),
        (2.0, "2."),
    ],
)
def test_small_values_are_shown_whole(value, text):
    assert value_text(value) == text


def test_large_values_are_summed_up():
    assert "7 of 20 entries are 0" in value_text(np.maximum(np.arange(20.0) - 6, 0))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.count, self.text = [], {}, ""

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.count[tag] = self.count.get(tag, 0) + 1
        assert not {name for name, _ in attributes} & {"src", "href", "onclick"}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_a_notebook_shows_all_steps_and_escapes_names():
    steps = pb.step_through(lambda x: np.sum(np.where(x < 3, x, 2 * x)), np.ones(3))
    tags = Tags()
    tags.feed(steps._repr_html_())
    assert tags.open == []
    assert tags.count["details"] == len(steps) + 1
    assert "where = np.where(less, x, multiply)" in tags.text
    assert "dwhere * less" in tags.text or "np.where(less, dwhere" in tags.text
    assert "script" not in tags.count
    assert steps._repr_html_().count(" open") == 1
    assert steps.next()._repr_html_() in steps._repr_html_()


def test_formulas_stand_beside_the_source():
    step = stepping(two_layer).jump("h_relu")
    (sent,) = step.sends
    assert sent.formula == "h̄_relu ⊙ [h > 0]"
    (handed_on,) = stepping(two_layer).jump("subtract").sends
    assert handed_on.source == "dsubtract"
    assert len(handed_on.formula) > len("subtract")  # a bar over each letter


def test_what_a_prompt_shows_is_short():
    steps = stepping()
    assert repr(steps) == "<BackwardSteps of forked: step 1 of 13>"
    step = steps.jump("h_relu")
    shown = [step, step.sends[0], step.waiting[0], steps.subject, steps.overwriting]
    assert [repr(each) for each in shown] == [
        "<Step 12 of 13: h_relu = np.maximum(h, 0)>",
        "<Sent to h: dh_relu * (h > 0)>",
        "<Arrived at W1: 1 of 2>",
        "<Subject forked for W1, W2>",
        "<Overwriting of <Subject forked for W1, W2>>",
    ]
    assert str(step) in str(steps)
