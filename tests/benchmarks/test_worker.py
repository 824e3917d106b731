"""Workers: what they answer, engines that end at the same loss, a process that ends."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pullback.benchmarks.crew import Crew, Member, WorkerError, choices, environment
from pullback.benchmarks.growth import at, points
from pullback.benchmarks.peers import ENGINES, engine, missing
from pullback.benchmarks.predicting import unlike
from pullback.benchmarks.worker import Worker, answer
from pullback.benchmarks.workload import Case
from pullback.benchmarks.workloads import TINY, WORKLOADS

WORKS = {
    "tiny": TINY,
    "two classes, last batch of fewer rows": replace(TINY, widths=(5, 8, 2), rows=90),
    "plain SGD": replace(TINY, rule="sgd", rate=0.1),
    "tanh, two layers": replace(TINY, activation="tanh", widths=(5, 8, 8, 3)),
}


def asked(worker, do, **arguments):
    return json.loads(answer(worker, json.dumps({"do": do, **arguments})))


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_scikit_learn_trains_the_same_network(work):
    """The last losses are alike to float32 rounding over a dozen steps, and are not the first.

    scikit-learn's Adam adds epsilon before the correction: 1e-8 beside roots of about 1e-2.
    """
    case = Case.of(replace(work, epochs=3))
    losses = [
        case.loss(engine(name).trainer(case, "")(3).layers)
        for name in ("reference", "scikit-learn")
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert abs(losses[0] - case.loss(case.layers)) > 1e-3 * losses[0]


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
def test_jax_trains_the_same_network_in_each_of_its_ways(work):
    pytest.importorskip("jax")
    case = Case.of(replace(work, epochs=3))
    expected = case.loss(engine("reference").trainer(case, "")(3).layers)
    assert engine("jax").flavours(replace(work, batch=work.rows)) == ("run", "epoch")
    assert engine("jax").flavours(replace(work, batch=work.rows - 1)) == ("epoch",)
    assert engine("jax-run").flavours(work) == ("run",)
    for flavour in ("epoch", "run"):
        train = engine("jax").trainer(case, flavour)
        for epochs in (1, 3):
            trained = train(epochs)
            assert len(trained.seconds) == epochs
        assert case.loss(trained.layers) == pytest.approx(expected, rel=1e-5)


def test_every_run_starts_anew_and_the_first_epoch_is_not_timed():
    worker = Worker("reference")
    asked(worker, "prepare", workload=TINY.to_json(), flavour="")
    first = asked(worker, "round", flavour="", least_seconds=0)["value"]
    second = asked(worker, "round", flavour="", least_seconds=0)["value"]
    assert first["loss"] == second["loss"]
    case, train = worker.trainers[""]
    trained = train(TINY.epochs)
    assert len(trained.seconds) == TINY.epochs
    worker.trainers[""] = case, lambda epochs: replace(trained, seconds=[9.0, 1.0, 3.0])
    assert asked(worker, "round", flavour="", least_seconds=0)["value"]["seconds"] == 2.0


def test_what_fails_is_told_in_a_sentence():
    told = asked(Worker("reference"), "round", flavour="none", least_seconds=0)
    assert told == {"error": "KeyError: 'none'"}


def test_prediction_and_its_labels():
    labels = {}
    for name in ("reference", "scikit-learn"):
        worker = Worker(name)
        labels[name] = asked(worker, "prepare_predict", workload=TINY.to_json())["value"]["labels"]
        assert asked(worker, "predict_one")["value"]["seconds"] > 0
        assert asked(worker, "predict_many")["value"]["seconds"] > 0
    assert unlike(labels) == []
    labels["scikit-learn"] = list(np.roll(labels["scikit-learn"], 1))
    assert "scikit-learn and reference give" in unlike(labels)[0]


def test_memory_is_what_came_on_top():
    work = replace(TINY, rows=4096, widths=(64, 512, 3), batch=4096)
    told = asked(
        Worker("reference"), "memory", workload=work.to_json(), flavour="", least_seconds=0
    )["value"]
    if told["bytes"] is None:
        pytest.skip("this system does not tell the memory of a process")
    # The hidden values alone are 4096 x 512 float32, which is 8 MB.
    assert told["bytes"] > 8e6


def test_a_process_answers_and_its_end_is_told():
    member = Member("reference", 1)
    try:
        told = member.ask("flavours", workload=TINY.to_json())
        assert told["flavours"] == [""]
        with pytest.raises(WorkerError, match=r"^reference: TypeError: 'int'"):
            member.ask("flavours", workload=3)
        member._process.kill()
        with pytest.raises(WorkerError, match=r"^reference: its process ended"):
            member.ask("flavours", workload=TINY.to_json())
    finally:
        member.stop()
    assert member._process.returncode is not None


def test_a_crew_ends_with_its_block(monkeypatch):
    stopped = []
    monkeypatch.setattr("pullback.benchmarks.crew.Member.__init__", lambda *arguments: None)
    monkeypatch.setattr(
        "pullback.benchmarks.crew.Member.stop", lambda member: stopped.append(member)
    )
    with Crew() as crew:
        members = [crew.member("jax", 1), crew.member("jax", 2), crew.member("jax", 1)]
        assert members[0] is members[2]
        crew.dismiss(members[1])
    assert stopped == [members[1], members[0]]


def test_threads_to_try():
    assert choices("pytorch", 1) == (1,)
    assert choices("jax", 6) == (1, 2, 4, 6)
    assert choices("native", 6) == (0,)
    assert environment(0) == {}
    assert environment(2)["OMP_NUM_THREADS"] == "2"
    assert "multi_thread_eigen=false" in environment(1)["XLA_FLAGS"]


def test_engines_tell_what_they_cannot_do():
    assert engine("scikit-learn").flavours(WORKLOADS["deep-rich"]) == ()
    assert engine("scikit-learn").flavours(WORKLOADS["digits"]) == ("",)
    assert missing("reference") == []
    with_peers = {name for name, (_, libraries) in ENGINES.items() if libraries}
    assert with_peers == set(ENGINES) - {"reference"}


def test_growth_changes_one_size_at_a_time():
    assert at("depth", 3).widths == (64, 128, 128, 128, 10)
    assert at("width", 8).widths == (64, 8, 10)
    assert (at("batch", 4096).batch, at("batch", 1).rows) == (4096, 512)
    assert at("rows", 512).rows == 512
    assert len(points(quick=False)) > len(points(quick=True))
