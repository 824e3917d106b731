"""pullback train --engine: what is said, what is kept, and what a resumed run goes on with."""

import json

import pytest
from test_engines import Standin

from pullback import pictures
from pullback.cli import main
from pullback.engines import choice


@pytest.fixture
def words(monkeypatch, tmp_path, capsys):
    """Runs a command in an empty folder: its standard output and its standard error."""

    class Compiled(Standin):
        def __init__(self, *given):
            choice.notice(choice.COMPILING)
            super().__init__(*given)

    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    monkeypatch.setattr(choice, "native_steps", Compiled)
    monkeypatch.setattr(pictures, "save_pictures", lambda *given: None)  # they take the longest
    monkeypatch.chdir(tmp_path)

    def run(line):
        main(line.split())
        return capsys.readouterr()

    return run


def test_auto_says_that_it_compiles_and_a_resumed_run_keeps_its_engine(
    words, monkeypatch, tmp_path
):
    monkeypatch.setattr(choice, "SECONDS_TO_COMPILE", 0.0)
    shown = words("train iris --epochs 2 --hidden 4 --out run").out
    assert shown.count(choice.COMPILING) == 1
    assert "epoch 2 of 2" in shown
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert (settings["engine"], settings["command"]["engine"]) == ("native", "auto")
    monkeypatch.setattr(choice, "SECONDS_TO_COMPILE", 1e9)  # which would now make it "reference"
    again = words("train --resume run --epochs 3")
    assert "epoch 3 of 3" in again.out
    assert again.err == ""
    settings = json.loads((tmp_path / "run" / "settings.json").read_text())
    assert (settings["engine"], settings["epochs"]) == ("native", 3)


def test_an_engine_that_there_is_not(words):
    shown = words("train iris --engine nativ")
    assert shown.err.strip() == (
        "pullback: --engine 'nativ': allowed are auto, reference, native (did you mean 'native'?)."
    )
