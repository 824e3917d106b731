"""Whole benchmarks with played workers: the order of rounds, Ctrl-C, who is left out."""

import numpy as np
import pytest

from pullback.benchmarks import Report, Task, Timed, benchmark, cold, names
from pullback.benchmarks.rounds import PAUSE, Effort, fastest
from pullback.benchmarks.suite import find_cliffs
from pullback.benchmarks.workloads import TINY
from pullback.errors import UsageError


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    assert PAUSE < 0.1
    monkeypatch.setattr("pullback.benchmarks.rounds.PAUSE", 0)
    monkeypatch.setattr("pullback.benchmarks.predicting.PAUSE", 0)


def test_engines_take_turns_and_losses_agree(played, set_times):
    asked = []

    def change(engine, do, value):
        asked.append((engine, do))
        return set_times(engine, do, value)

    played(change)
    told = []
    report = benchmark(
        ["tiny"],
        quick=True,
        engines=["native", "reference", "jax"],
        on_progress=lambda done, parts, text: told.append((done, parts)),
    )
    turns = [engine for engine, do in asked if do == "round"]
    assert turns == ["native", "reference", "jax"] * 2
    (task,) = report.tasks
    assert task.problems == []
    assert task.ratio("jax") == pytest.approx(3.0)
    assert report.limit["threads"] == 2
    assert task.limit_seconds == TINY.limit_seconds(report.limit)
    assert told[-1] == (5, 5)
    assert all(done <= parts for done, parts in told)


def test_an_engine_at_another_loss_has_failed(played, set_times):
    def change(engine, do, value):
        value = set_times(engine, do, value)
        return value | {"loss": value["loss"] * 1.01} if (engine, do) == ("jax", "round") else value

    played(change)
    (task,) = benchmark(["tiny"], quick=True, engines=["native", "jax"]).tasks
    assert task.passed is False
    assert task.problems[0].startswith("jax ends at the loss ")


def test_peers_that_are_missing_are_left_out(played):
    played(installed=("native", "reference"))
    report = benchmark(["tiny"], quick=True)
    assert report.left_out["pytorch"] == "needs lib_pytorch"
    assert [timed.engine for timed in report.tasks[0].engines] == ["native", "reference"]


def test_the_fastest_number_of_threads_and_way_counts(played):
    def change(engine, do, value):
        if do == "flavours" and engine == "jax":
            return value | {"flavours": ["slow", "fast"]}
        return value

    crew = played(change)
    monkeyed = {}

    def timed(member):
        def ask(do, **arguments):
            if do == "round":
                speed = {("slow", 1): 4.0, ("fast", 1): 2.0, ("slow", 2): 3.0, ("fast", 2): 5.0}
                return {"seconds": speed[arguments["flavour"], member.threads], "loss": 1.0}
            return original(do, **arguments)

        original = member.ask
        return ask

    for threads in (1, 2):
        member = crew.member("jax", threads)
        monkeyed[threads] = member.ask = timed(member)
    runner = fastest(TINY, crew, "jax", Effort(), cores=2)
    assert (runner.timed.threads, runner.timed.flavour) == (1, "fast")


def test_ctrl_c_keeps_what_was_measured(played, set_times):
    rounds = []

    def change(engine, do, value):
        if do == "round":
            rounds.append(engine)
            if len(rounds) == 3:
                raise KeyboardInterrupt
        return set_times(engine, do, value)

    crew = played(change)
    report = benchmark(["tiny", "small"], quick=True, engines=["reference", "jax"])
    assert report.interrupted
    assert [task.name for task in report.tasks] == ["small"]
    assert [len(timed.rounds) for timed in report.tasks[0].engines] == [1, 1]
    assert all(member.stopped for member in crew._members.values())


def test_an_engine_of_ours_that_fails_is_a_failure_and_a_peer_is_a_note(played, set_times):
    def change(engine, do, value):
        from pullback.benchmarks.crew import WorkerError

        if do == "prepare" and engine in ("native", "jax"):
            raise WorkerError(f"{engine}: cannot.")
        return set_times(engine, do, value)

    played(change)
    (task,) = benchmark(["tiny"], quick=True, engines=["native", "reference", "jax"]).tasks
    assert task.problems == ["native: cannot."]
    assert task.notes == ["jax: cannot."]
    assert task.passed is False


def test_a_width_that_takes_much_longer_than_the_one_before_is_a_cliff():
    tasks = [
        Task(f"width-{w}", "", engines=[Timed("native", rounds=[s])], facts={"flops": f})
        for w, s, f in ((45, 1.0, 100), (46, 1.3, 104), (64, 3.0, 150))
    ]
    find_cliffs(Report({}, quick=False, tasks=tasks))
    assert [task.problems for task in tasks] == [
        [],
        [],
        ["it takes 2.31x as long as width-46, with 1.44x the products."],
    ]


def test_prediction_is_measured_with_peers(played, monkeypatch):
    from pullback.benchmarks import predicting

    monkeypatch.setattr(predicting, "QUICK_WORK", TINY)
    played()
    one, many = benchmark(["predict"], quick=True, engines=["native", "jax"]).tasks
    assert (one.name, many.name) == ("predict-one", "predict-many")
    assert many.reached("jax") is True
    assert many.problems == one.problems == []


def test_growth_has_a_point_for_each_size_and_engine(played, monkeypatch):
    from pullback.benchmarks import growth

    monkeypatch.setattr(growth, "QUICK_AXES", {"rows": (256, 512), "depth": (1,)})
    crew = played()
    taken, member = [], crew.member

    def noted(engine, threads):
        new = (engine, threads) not in crew._members
        taken.append((engine, new))
        return member(engine, threads)

    monkeypatch.setattr(crew, "member", noted)
    report = benchmark(["tiny"], quick=True, grow=True, engines=["native", "autograd", "jax"])
    assert [task.name for task in report.tasks] == ["tiny"]
    sizes = [(point["axis"], point["value"], point["engine"]) for point in report.growth]
    assert sizes == [
        (axis, value, engine)
        for axis, value in (("rows", 256), ("rows", 512), ("depth", 1))
        for engine in ("native", "jax")
    ]
    # A process of its own for each point, which has loaded nothing before.
    assert taken[-6:] == [("native", True), ("jax", True)] * 3
    assert not crew._members


def test_cold_processes_take_turns_and_must_have_learned(played, monkeypatch):
    caches = []

    def run(code, data, epochs, cache):
        caches.append(cache.name)
        ours = "import pullback" in code or "pullback as pb" in code
        return (2.0, 0.99) if ours else (3.0, 0.5)

    monkeypatch.setattr(cold, "_run", run)
    played()
    empty, warm = benchmark(["cold"], quick=True, engines=["native", "scikit-learn"]).tasks
    assert caches[:4] == ["warm", "empty-0", "warm", "warm"]
    assert len(set(caches)) == 1 + 2
    assert empty.ratio("scikit-learn") == warm.ratio("scikit-learn") == 1.5
    assert empty.problems[0] == "scikit-learn reaches an accuracy of 0.50 only."


def test_a_cold_process_trains_or_says_why_not(tmp_path):
    data = tmp_path / "data.npz"
    np.savez(data, X=np.eye(10, dtype="f4"), y=np.arange(10))
    seconds, accuracy = cold._run(cold.OURS, data, 1, tmp_path)
    assert seconds > 0
    assert 0 <= accuracy <= 1
    told = cold._run("raise ValueError('so it is')", data, 1, tmp_path)
    assert told == "its process failed (ValueError: so it is)."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"chosen": ["smal"]}, "There is no workload 'smal'; there are exponential, small"),
        ({"engines": ["torch"]}, "There is no engine 'torch'; there are native"),
        ({"number_of_rounds": 0}, "rounds=0: there must be at least 1."),
    ],
)
def test_unknown_words_are_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        benchmark(**{"chosen": ["tiny"], **arguments})


def test_names_are_workloads_and_parts():
    assert names()[-4:] == ["predict", "cold", "overhead", "tiny"]
