"""The rules that every file of the project keeps."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "pullback"
GOLDEN = ROOT / "tests" / "views" / "golden"
LONGEST = 400

# The patterns are written so that they do not match their own text.
PLACE_TO_DOWNLOAD_FROM = re.compile(
    r"index[-_]url|find[-_]links|python[h]osted|pypi[.]org|npmjs[.]|deb[.]debian|"
    r"/[s]imple(?:/|[\s\"'`)]|$)"
)
PATH_OF_ONE_MACHINE = re.compile(r"(?<![\w.~*/-])/(?:work|root|home|Users)/")


def files_of_the_project() -> list[Path]:
    """Every file that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("the files are known in a git checkout only")
    names = [name for name in listed.stdout.split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """The text of a file; empty for pictures, archives and other binary data."""
    data = path.read_bytes()
    if b"\0" in data:
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def lines_that_match(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files_of_the_project()
        for number, line in enumerate(text_of(path).splitlines(), start=1)
        if pattern.search(line)
    ]


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_no_source_file_is_too_long():
    written_by_hand = [
        path
        for folder in (ROOT / "src", ROOT / "tests")
        for path in folder.rglob("*.py")
        if GOLDEN not in path.parents
    ]
    assert written_by_hand
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in written_by_hand
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert too_long == {}


def test_no_file_names_a_place_to_download_packages_from():
    assert lines_that_match(PLACE_TO_DOWNLOAD_FROM) == []


def test_no_file_names_a_path_of_one_machine():
    assert lines_that_match(PATH_OF_ONE_MACHINE) == []


@pytest.mark.parametrize(
    "line",
    [
        "--extra-" + "index" + "-url x",
        "PIP_" + "INDEX".lower() + "_url",
        "https://files.python" + "hosted.org/x",
        "url = 'https://example.org/" + "simple'",
        "https://example.org/" + "simple/numpy",
    ],
)
def test_the_pattern_knows_a_place_to_download_from(line):
    assert PLACE_TO_DOWNLOAD_FROM.search(line)


@pytest.mark.parametrize("folder", ["work", "root", "home", "Users"])
def test_the_pattern_knows_a_path_of_one_machine(folder):
    assert PATH_OF_ONE_MACHINE.search(f'open("/{folder}/someone/file.csv")')
    assert not PATH_OF_ONE_MACHINE.search(f"docs/{folder}/file.csv")


def test_no_module_uses_the_cached_property_of_functools():
    """Before Python 3.12 all instances share its lock: `pullback.lazy` has one without."""
    pattern = re.compile(r"\bfunctools\b.*\bcached_property\b")
    modules = {path for path in SOURCE.rglob("*.py") if pattern.search(path.read_text("utf-8"))}
    assert modules == set()


def test_the_core_depends_on_numpy_alone():
    dependencies = pyproject()["project"]["dependencies"]
    assert [re.match(r"[\w.-]+", each).group() for each in dependencies] == ["numpy"]


def test_all_is_every_extra_but_dev():
    extras = pyproject()["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    name, listed = re.fullmatch(r"(\w+)\[([\w,]+)\]", everything).groups()
    assert name == "pullback"
    assert set(listed.split(",")) == set(extras) - {"all", "dev"}


def test_every_requirement_is_pinned_to_one_version():
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    pinned = re.compile(r"[A-Za-z0-9][\w.-]*==\d[\w.!+]*( ; [\w\s<>=.'\"]+)?")
    assert [line for line in lines if not pinned.fullmatch(line)] == []


def test_every_requirement_for_development_is_pinned():
    extras = pyproject()["project"]["optional-dependencies"]
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    pinned = {normal(line.split("==")[0]) for line in text.splitlines() if "==" in line}
    wanted = {
        normal(re.match(r"[\w.-]+", each).group())
        for each in ["numpy", "hatchling", *extras["cli"], *extras["dev"]]
    }
    assert wanted - pinned == set()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_module_stands_on_a_floor():
    contracts = {each["id"]: each for each in pyproject()["tool"]["importlinter"]["contracts"]}
    floors = set(re.findall(r"\w+", " ".join(contracts["floors"]["layers"])))
    modules = {
        path.stem
        for path in SOURCE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert modules - floors - {"__init__", "__main__"} == set()
