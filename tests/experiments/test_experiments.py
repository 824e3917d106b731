"""Every experiment at reduced size: the claim it makes, its pictures, its text, the same again."""

import io

import numpy as np
import pytest

import pullback as pb
from pullback.errors import UsageError
from pullback.experiments import EXPERIMENTS, experiment
from pullback.experiments.common import where
from pullback.experiments.losses_runs import ENTROPY, OF_OUTPUTS, OF_PROBABILITIES, WRONG
from pullback.experiments.optimizers import DIGITS, SOLVER, with_rates
from pullback.pictures.experiments import draw


def run(name, **settings):
    """The report of a quick run, whose common parts are in order."""
    parts = []
    report = pb.compare(name, quick=True, on_progress=lambda *p: parts.append(p), **settings)
    assert report.settings == {**experiment(name).SETTINGS, **experiment(name).QUICK, **settings}
    done, wanted = parts[-1]
    assert done == wanted
    assert [p[0] for p in parts] == sorted(p[0] for p in parts)
    assert report.seen.count(". ") == 1, "two sentences"
    assert report.seen.endswith(".")
    for table in report.tables:
        assert table.title in str(report)
        assert all(len(row) == len(table.columns) for row in table.rows)
    pictures = draw(report)
    assert pictures
    for file, figure in pictures.items():
        assert file.endswith(".png")
        figure.savefig(io.BytesIO())
    return report


def test_activations():
    report = run("activations")
    curves, at = report.numbers["curves"], report.numbers["x"].index
    assert set(curves) == {*pb.nn.layers.ACTIVATIONS}
    assert [curves["relu"]["slope"][at(x)] for x in (-1.0, 0.0, 1.0)] == [0, 0, 1]
    assert curves["sigmoid"]["slope"][at(0.0)] == pytest.approx(0.25, rel=1e-15)
    assert "highest_slope" in curves["randomized-leaky-relu"]

    def deep(name, what):
        return where(report.numbers["records"], activation=name, depth=20)[0][what]

    # A slope of at most 1/4, nineteen times: less than 1e-11 arrives.
    norms = {name: deep(name, "gradient_norms") for name in ("sigmoid", "relu")}
    assert norms["sigmoid"][0] < 1e-8 * norms["sigmoid"][-1]
    assert norms["relu"][0] > 1e-2 * norms["relu"][-1]
    assert deep("relu", "after")["dead"] > 0
    assert deep("leaky-relu", "after")["dead"] == 0
    assert "1.8e-12 with sigmoid" in report.seen


def test_labels():
    report = run("labels")
    own = where(report.numbers["records"], numbering=0)
    number, corner, entropy = (r["accuracy"] for r in own)
    assert min(corner, entropy) > number + 0.3
    other = where(report.numbers["records"], numbering=1)
    changed = [
        np.mean(np.not_equal(a["digits"], b["digits"])) for a, b in zip(own, other, strict=True)
    ]
    assert changed[0] > 0.5
    assert changed[1:] == [0, 0], "corners are numbered at will: the very same answers"
    beside = [r["wrong_by_one"] / r["wrong"] for r in own]
    assert beside[0] > 0.5 > max(beside[1:])
    gathering = where(report.numbers["gathering"], coding=own[1]["coding"])
    assert gathering[1]["distance"] < gathering[0]["distance"] / 2


def test_losses():
    report = run("losses")
    slopes = report.numbers["slopes"]
    assert np.all(np.diff(slopes["right"]) > 0)
    assert np.all(np.diff(slopes[ENTROPY]) < 0), "the wronger, the larger"
    assert slopes[OF_PROBABILITIES][0] < 1e-3 < 0.5 < max(slopes[OF_PROBABILITIES])
    wrong = {
        way: where(report.numbers["records"], way=way, start=WRONG)[0]
        for way in (ENTROPY, OF_PROBABILITIES, OF_OUTPUTS)
    }
    assert wrong[ENTROPY]["right"] == 0
    assert wrong[ENTROPY]["given"] == wrong[OF_PROBABILITIES]["given"] < 1e-4
    # One-hot minus a distribution that is sure of another class: sqrt(2) long.
    assert wrong[ENTROPY]["output_gradient"] == pytest.approx(np.sqrt(2), rel=0.02)
    assert wrong[OF_PROBABILITIES]["output_gradient"] < 0.01
    reached = {way: [run["updates"] for run in record["runs"]] for way, record in wrong.items()}
    assert None not in reached[ENTROPY]
    assert reached[OF_PROBABILITIES] == [None, None]


def test_batches():
    report = run("batches")
    steps = {r["batch_size"]: r["steps_per_epoch"] for r in report.numbers["records"]}
    assert steps == {"1": 1438, "32": 45, "full": 1}
    after = {
        r["batch_size"]: dict(zip(r["epochs"], r["loss"], strict=True))
        for r in report.numbers["records"]
    }
    assert max(after["1"][2], after["32"][2]) < after["full"][2] / 5
    noise = where(report.numbers["noise"], place="at the start")
    assert [r["rows"] for r in noise] == [1, 8, 64]
    slope = np.polyfit(*(np.log([r[what] for r in noise]) for what in ("rows", "noise")), 1)[0]
    # Independent rows: the deviation of a mean falls as rows ** -0.5; 50 draws of each.
    assert slope == pytest.approx(-0.5, abs=0.1)
    terrain = report.numbers["terrain"]
    assert np.shape(terrain["map"]["loss"]) == (7, 7)
    assert all(0.5 < share <= 1 + 1e-9 for share in terrain["within"].values())
    ends = {name: path[-1] for name, path in terrain["paths"].items()}
    assert ends["full"][1] == pytest.approx(0, abs=1e-6), "the plane's first axis ends there"


def test_optimizers():
    report = run("optimizers")

    def good(problem, name):
        return with_rates(report.numbers["records"], problem, name, report.settings)["good"]

    # Plain descent sees no axes: turned, every height is the same up to rounding.
    straight, turned = (good(land, "sgd") for land in ("valley", "turned valley"))
    assert straight["learning_rate"] == turned["learning_rate"] == 0.01
    assert straight["loss"] == pytest.approx(turned["loss"], rel=1e-9)
    assert good("turned valley", "adam")["loss"][0] > 2 * good("valley", "adam")["loss"][0]
    for name in ("sgd", "momentum"):
        # At ten times 0.01 a step overshoots along the steep axis: |1 - 0.1 * 100| > 1.
        rates = with_rates(report.numbers["records"], "valley", name, report.settings)
        assert rates["too high"]["loss"] == [None]
    solved = where(report.numbers["records"], problem="bent valley", optimizer=SOLVER)[0]
    assert solved["path"][-1] == pytest.approx([1, 1], abs=1e-4)
    assert solved["steps"] < 60
    digits = where(report.numbers["records"], problem=DIGITS, optimizer="adam")
    assert max(r["accuracy"][0] for r in digits) > 0.9


def test_initializers():
    report = run("initializers")

    def of(start, depth):
        return where(report.numbers["records"], start=start, depth=depth)[0]

    assert [of(start, 3)["distinct"] for start in ("zeros", "all equal", "he")] == [1, 1, 32]
    assert of("zeros", 3)["gradient_norms"] == [0, 0, 0]
    carried = {start: of(start, 20)["deviations"] for start in ("too small", "too large", "he")}
    assert len(carried["he"]) == 20
    assert carried["too small"][-1] < 1e-20
    assert carried["too large"][-1] > 1e10
    assert 0.1 < carried["he"][-1] < 10
    assert of("too large", 20)["diverged"]


def test_spiral():
    report = run("spiral")
    (linear,), (network,) = (report.numbers["results"][n] for n in ("linear", "network"))
    assert 0.4 < linear["accuracy"] < 0.6
    assert network["accuracy"] > linear["accuracy"] + 0.1
    assert linear["loss"] == pytest.approx(0.786, abs=0.02)
    assert network["dead_units"] > 0
    assert pb.compare("spiral", quick=True).numbers == report.numbers


def test_kinks():
    report = run("kinks")
    relus = report.numbers["relu"]
    assert relus["np.maximum(x, 0)"] == 0
    assert relus["np.where(x >= 0, x, 0)"] == 1
    assert relus["np.maximum(x, zeros)"] == 0.5
    assert set(relus.values()) == {0.0, 0.5, 1.0}
    slopes = report.numbers["cross_entropy"]
    assert slopes["softplus(z) - y z"] == slopes["np.logaddexp(0, z) - y z"] == -0.5
    assert slopes["max(z, 0) - y z + log1p(exp(-|z|))"] == -1.0
    assert "0, 0.5, 1" in report.seen
    assert "from -1 to -0.5" in report.seen


def test_every_experiment_has_a_test():
    assert {f"test_{name}" for name in EXPERIMENTS} <= set(globals())


def test_seeds_are_repeated_and_their_spread_told():
    report = pb.compare("kinks", quick=True, seeds=[0, 1, 2])
    norms = [step["softplus(z) - y z"]["gradient_norm"] for step in report.numbers["first_step"]]
    assert len(set(norms)) == 3
    middle, low, high = sorted(norms)[1], min(norms), max(norms)
    assert f"{middle:.4g} [{low:.4g}, {high:.4g}]" in str(report)


def test_bad_names():
    with pytest.raises(UsageError, match="no experiment 'kink'.*kinks"):
        pb.compare("kink")
    with pytest.raises(UsageError, match="no setting 'epoch'.*epochs"):
        pb.compare("spiral", epoch=3)
    with pytest.raises(UsageError, match="no optimizer 'adamm'.*Did you mean 'adam'"):
        pb.compare("optimizers", quick=True, optimizers=["adamm"])
    with pytest.raises(UsageError, match="no activation 'rely'.*Did you mean 'relu'"):
        pb.compare("activations", quick=True, activations=["rely"])
    with pytest.raises(UsageError, match="noise_sizes needs two different numbers"):
        pb.compare("batches", quick=True, noise_sizes=[4])
    with pytest.raises(UsageError, match="epochs needs two batch sizes or more"):
        pb.compare("batches", quick=True, epochs={"full": 3, "half": 3})
    with pytest.raises(UsageError, match="three of the digits 0 to 9"):
        pb.compare("labels", quick=True, three_classes=[3, 12, 1])
    with pytest.raises(UsageError, match="grid=1: a map needs"):
        pb.compare("optimizers", quick=True, optimizers=["sgd"], grid=1)
    with pytest.raises(UsageError, match=r"kinks: seeds=\[0, 0\] must be like"):
        pb.compare("kinks", seeds=[0, 0])
    with pytest.raises(UsageError, match="spiral: epochs=0 must be like 10000, the default"):
        pb.compare("spiral", epochs=0)


def test_a_start_that_is_already_there():
    report = pb.compare("losses", quick=True, good_start_accuracy=1.0, learning_rates=[0.2])
    good = where(report.numbers["records"], way=ENTROPY, start="good")[0]
    assert [run["updates"] for run in good["runs"]] == [0]
    draw(report)


def test_labels_that_diverge_at_once():
    report = pb.compare("labels", quick=True, learning_rate=1e12, moments=[0, 5])
    assert "diverged" in str(report)
    for figure in draw(report).values():
        figure.savefig(io.BytesIO())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("activations", {"units": 1}),
        ("activations", {"learning_rate": 1e12, "depths": [2, 5]}),
        # Five layers are enough for a factor of 1e12 or 1e-12 each to leave float32.
        ("initializers", {"large": 1e12, "depths": [2, 5]}),
        ("initializers", {"small": 1e-12, "depths": [2, 5]}),
    ],
)
def test_settings_far_out_still_give_a_report(name, settings):
    report = pb.compare(name, quick=True, epochs=1, **settings)
    assert report.seen.count(". ") == 1
    for figure in draw(report).values():
        figure.savefig(io.BytesIO())
