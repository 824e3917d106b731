"""Verdicts: ratios, what is required, losses that must agree, the share of the limit."""

import json

import pytest

from pullback.benchmarks import Report, Task, Timed
from pullback.benchmarks.words import count, ratio_text, remarks, rows, time_text


def task(**changes):
    return Task(
        name="w",
        title="a workload",
        engines=[
            Timed("native", rounds=[2.0, 1.0, 3.0], loss=0.5),
            Timed("jax", rounds=[4.0, 3.0, 5.0], loss=0.5),
        ],
        **changes,
    )


def test_ratios_are_of_medians_and_at_least_what_is_required_is_enough():
    made = task(required={"jax": 2.0})
    assert made.ratio("jax") == 2.0
    assert made.reached("jax") is True
    assert made.passed is True
    made.required = {"jax": 2.01}
    assert made.reached("jax") is False
    assert made.passed is False


def test_nothing_is_judged_of_an_engine_that_was_not_measured():
    made = task(required={"pytorch": 2.0})
    assert made.ratio("pytorch") is None
    assert made.reached("pytorch") is None
    assert made.passed is None


def test_the_reference_is_compared_with_but_promises_were_not_made_for_it():
    made = task(required={"jax": 2.0}, share=0.5, limit_seconds=1.0)
    made.engines[0].engine = "reference"
    assert made.ratio("jax") == 2.0
    assert made.reached("jax") is None
    assert made.share_reached is None
    assert made.passed is None


@pytest.mark.parametrize(
    ("loss", "floor", "wrong"),
    [(0.5005, 0, False), (0.502, 0, True), (0.502, 0.01, False), (float("nan"), 0.01, True)],
)
def test_another_loss_is_a_failure(loss, floor, wrong):
    made = task(agreement=0.001, floor=floor, required={"jax": 1.0})
    made.engines[1].loss = loss
    made.compare_losses()
    assert bool(made.problems) is wrong
    assert made.passed is not wrong


def test_the_share_of_the_limit():
    made = task(limit_seconds=1.2, share=0.6)
    assert made.share_reached == pytest.approx(0.6)
    assert made.passed is True
    made.share = 0.61
    assert made.passed is False
    assert rows(made)[-1][-2:] == ("60%", "61% NO")


def test_a_share_above_the_limit_is_not_judged_and_explained():
    made = task(limit_seconds=2.2, share=0.6)
    assert made.share_reached == pytest.approx(1.1)
    assert made.passed is None
    assert rows(made)[-1][-2:] == ("110%", "60%")
    report = Report({"cores": 2}, quick=False, tasks=[made])
    assert remarks(report) == [
        "w: it is faster than the machine's limit, so that was measured too low, most likely while "
        "other programs ran; its share is not judged."
    ]
    made.required = {"jax": 2.01}
    assert made.passed is False


def test_products_with_zeros_may_be_faster_than_the_limit():
    made = task(limit_seconds=2.2, share=0.6, zeros=True)
    assert made.passed is True
    report = Report({"cores": 2}, quick=False, images="MNIST", tasks=[made])
    assert remarks(report) == [
        "w: it is faster than the machine's limit, which counts whole products: steps in which "
        "the rows of a tile are all 0 are left out.",
        "Images: those of MNIST.",
    ]
    report.images = "drawn"
    assert remarks(report)[-1] == "Images: drawn."


@pytest.mark.parametrize(("load", "told"), [(0.6, False), (0.7, True)])
def test_a_machine_that_was_busy_before_is_told(load, told):
    report = Report({"cores": 2}, quick=False, load_before=load)
    assert any("machine was busy" in remark for remark in remarks(report)) is told


def test_a_report_is_plain_data_and_says_what_is_missing():
    report = Report({"cores": 2}, quick=True, load_before=0.0, load_after=1.5, tasks=[task()])
    report.left_out["pytorch"] = "needs torch"
    told = json.loads(json.dumps(report.to_json()))
    assert (told["format"], told["version"]) == ("pullback-bench", 1)
    assert told["tasks"][0]["engines"][1]["median"] == 4.0
    assert told["tasks"][0]["ratios"] == {"native": 1.0, "jax": 2.0}
    assert remarks(report) == [
        "pytorch was left out: it needs torch; make bench installs all peers.",
        "This was the quick form: it shows how it runs, not what is true.",
        "Load of the machine: 0.0 before, 1.5 after.",
    ]
    assert count(report) == "0 of 0 workloads reach all that is required."


def test_times_and_ratios_have_three_digits_at_most():
    assert [time_text(s) for s in (12.34, 0.09996, 9.994e-4, 4.2e-8)] == [
        "12.3 s",
        "100 ms",
        "999 us",
        "42.0 ns",
    ]
    assert [ratio_text(r) for r in (None, 0.5, 9.999, 37.6)] == ["", "0.50x", "10.00x", "38x"]
