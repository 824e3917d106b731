"""`pullback compare`: the list, a run with all its files, and bad words."""

import json
import shlex

import pytest

from pullback.cli import compare as command
from pullback.cli import main
from pullback.experiments import EXPERIMENTS, experiment


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_without_a_name_every_experiment_and_its_question(capsys):
    assert main(["compare"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in EXPERIMENTS:
        assert f"{name} {experiment(name).QUESTION}" in shown


def test_an_experiment_shows_and_writes_everything(tmp_path, capsys):
    assert main(["compare", "kinks", "--quick"]) == 0
    shown = capsys.readouterr().out
    folder = tmp_path / "comparisons" / "kinks" / "0001"
    numbers = json.loads((folder / "numbers.json").read_text())
    headings = [line.split()[0] for line in shown.splitlines() if line[:1].isupper()]
    tables = headings.count("TABLE")
    assert headings == ["QUESTION", *["TABLE"] * tables, "SEEN", "SAVED"]
    assert tables
    assert experiment("kinks").QUESTION in shown
    assert numbers["seen"].split() == shown.split("SEEN")[1].split("SAVED")[0].split()
    settings = json.loads((folder / "settings.json").read_text())
    assert settings == {**experiment("kinks").SETTINGS, **experiment("kinks").QUICK}
    pictures = list(folder.glob("*.png"))
    assert pictures
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert numbers["seen"] in (folder / "table.txt").read_text()
    again = shlex.split(shown.splitlines()[-1].split("pullback ")[1])
    assert main([*again, "--out", "again"]) == 0
    assert json.loads((tmp_path / "again" / "numbers.json").read_text()) == numbers


def test_seeds_and_settings_reach_the_experiment(tmp_path):
    words = "compare spiral --quick --seeds 3,5 --set epochs=4 --out here"
    assert main(words.split()) == 0
    settings = json.loads((tmp_path / "here" / "settings.json").read_text())
    assert (settings["seeds"], settings["epochs"]) == ([3, 5], 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("optimisers", "NAME 'optimisers': allowed are activations,"),
        ("kinks --set magic=1", "--set 'magic=1': write SETTING=VALUE; the settings of kinks are"),
        ("kinks --set seeds", "--set 'seeds': write SETTING=VALUE"),
        ("spiral --seeds one", "--seeds 'one': write whole numbers with commas, such as 0,1,2."),
        ("spiral --seeds=-1", "--seeds '-1': write whole numbers"),
        ("spiral --set epochs=soon", "--set 'epochs=soon': it must be like "),
        ("spiral --set seeds=a,b", "--set 'seeds=a,b': it must be like "),
        ("spiral --set epochs=0", "--set 'epochs=0': it must be like 10000, the default."),
        ("spiral --set hidden=1.5", "--set 'hidden=1.5': it must be like 100, the default."),
        ("labels --set moments=", "--set 'moments=': it must be like "),
        ("kinks --out used", "The folder used is already in use"),
    ],
)
def test_bad_words_of_compare(tmp_path, capsys, words, said):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.tex").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    assert main(["compare", *words.split()]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_experiment_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compare", interrupted)
    assert main(["compare", "kinks"]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_setting_is_read_as_it_is_written(name):
    for value in experiment(name).SETTINGS.values():
        assert command._value(command._written(value), isinstance(value, list)) == value
