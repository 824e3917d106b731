"""`pullback bench`: help, list, bad words, and all that it shows and writes."""

import json
import re
from pathlib import Path

import pytest

from pullback.benchmarks.markdown import BEGIN, END
from pullback.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_tiny_workload_with_real_processes(capsys):
    """The command as it stands, with what every checkout has; the native engine has its tests."""
    from pullback.benchmarks import benchmark

    report = benchmark(
        ["tiny"], quick=True, engines=["reference", "scikit-learn"], number_of_rounds=1
    )
    (task,) = report.tasks
    assert [timed.engine for timed in task.engines] == ["reference", "scikit-learn"]
    assert task.problems == task.notes == []
    assert all(timed.rounds[0] > 0 for timed in task.engines)


def test_everything_is_shown_and_written(played, tmp_path, capsys):
    played(installed=("native", "reference", "jax"))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    words = "bench --workload tiny --quick --json b.json --picture b.png --markdown page.md"
    assert main(words.split()) == 0
    shown = capsys.readouterr().out
    for part in ("MACHINE", "TIMES", "SEEN", "SAVED", "3.00x", "the machine's limit"):
        assert part in shown
    assert "pytorch was left out: it needs lib_pytorch; make bench installs all peers." in shown
    told = json.loads((tmp_path / "b.json").read_text())
    assert [task["name"] for task in told["tasks"]] == ["tiny"]
    assert len(told["tasks"][0]["engines"][0]["rounds"]) == 2
    assert (tmp_path / "b.png").read_bytes().startswith(b"\x89PNG")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "| **tiny** 96 x 5-8-3, batch 32, adam | 1.00 ms (native) | 2.00x |" in text
    assert "old" not in text


def test_growth_is_drawn_beside(played, tmp_path, monkeypatch):
    monkeypatch.setattr("pullback.benchmarks.growth.QUICK_AXES", {"rows": (256, 512)})
    played(installed=("native", "jax"))
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    words = "bench --workload tiny --growth --quick --picture b.png --markdown page.md"
    assert main(words.split()) == 0
    assert (tmp_path / "b-growth.png").read_bytes().startswith(b"\x89PNG")
    assert re.search(r"\| rows 512 \| 1\.95 us, [\d,]+ MB \|", page.read_text())


def test_what_was_measured_before_ctrl_c_is_shown(played, set_times, capsys):
    count = []

    def change(engine, do, value):
        if do == "round":
            count.append(do)
            if len(count) == 2:
                raise KeyboardInterrupt
        return set_times(engine, do, value)

    played(change, installed=("reference",))
    assert main("bench --workload tiny --quick --json b.json".split()) == 130
    streams = capsys.readouterr()
    assert "tiny: 96 x 5-8-3" in streams.out
    assert streams.err == "pullback: stopped; what was measured until then stands above.\n"
    assert json.loads(Path("b.json").read_text())["interrupted"] is True


def test_the_list_has_names_and_what_is_required(capsys):
    assert main(["bench", "--list"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "one-row 1,024 x 20-16-2, batch 1, sgd pytorch 200x" in shown
    assert "predict one row by 784-256-10 scikit-learn 20x, onnxruntime 1x" in shown
    assert "100,000 rows by 784-256-10 scikit-learn 1x, pytorch 1x, jax 1x" in shown
    assert "cold fresh process to trained digits model, 20 scikit-learn 1x" in shown
    assert "overhead one operation of 101 while traced" in shown
    assert "tiny 96 x 5-8-3, batch 32, adam" in shown


def test_help_names_the_options(capsys):
    assert main(["bench", "--help"]) == 0
    shown = capsys.readouterr().out
    for word in (
        "--workload",
        "--quick",
        "--growth",
        "--mnist",
        "--json",
        "--picture",
        "--markdown",
    ):
        assert word in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--workload digit", "--workload 'digit': allowed are exponential, small, digits"),
        ("--rounds 0", "--rounds 0: there must be at least 1."),
        ("--mnist none", "There is no folder none."),
        ("--mnist .", ". has no train-images-idx3-ubyte and train-labels-idx1-ubyte"),
        ("--json no/b.json", "--json no/b.json: there is no folder no."),
        ("--json .", "--json .: it is a folder; name a file in it."),
        ("--picture .", "--picture .: it is a folder; name a file in it."),
        ("--markdown .", "--markdown .: it is a folder; name a file in it."),
        ("--markdown none.md", "none.md cannot be read: no such file or directory."),
        ("--markdown latin.md", "latin.md cannot be read: it is no text in UTF-8."),
        ("--markdown page.md", f"page.md: it must hold the lines {BEGIN} and {END}."),
    ],
)
def test_bad_words_are_one_sentence(words, said, capsys, tmp_path):
    (tmp_path / "page.md").write_text("no marks")
    (tmp_path / "latin.md").write_bytes(b"\xe4")
    assert main(["bench", *words.split()]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    (line,) = streams.err.splitlines()
    assert line.startswith(f"pullback: {said}")


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(capsys, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert main("bench --json b.json".split()) == 2
    said = "pullback: --json b.json: permission to write to its folder is missing.\n"
    assert capsys.readouterr() == ("", said)


def test_a_file_that_fails_keeps_no_other_from_being_written(played, set_times, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")

    def change(engine, do, value):
        (tmp_path / "b.json").mkdir(exist_ok=True)  # while it is measured
        return set_times(engine, do, value)

    played(change, installed=("native", "jax"))
    words = "bench --workload tiny --quick --json b.json --picture b.png --markdown page.md"
    assert main(words.split()) == 2
    streams = capsys.readouterr()
    assert streams.err == "pullback: b.json cannot be written: it is a folder.\n"
    assert "b.png, page.md" in " ".join(streams.out.split())
    assert (tmp_path / "b.png").exists()
    assert "**tiny**" in page.read_text()


def test_the_page_on_speed_can_be_written():
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1


def test_every_peer_is_pinned():
    lines = (ROOT / "requirements-bench.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==\d[\w.]*", line)] == []
    names = {line.split("==")[0] for line in pinned}
    needed = "torch jax autograd scikit-learn onnx onnxruntime numba scipy numpy typer hatchling"
    assert set(needed.split()) <= names
