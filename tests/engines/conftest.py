"""Machine code that was compiled once, for all tests of what becomes of it on disk."""

import pytest
from native_cache_process import SOURCE, arguments, right

from pullback.engines.native import cache, machine


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty cache folder; what was loaded or went wrong before is forgotten."""
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_problem", "")
    monkeypatch.setattr(machine, "_loaded", {})
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    """The machine code of SOURCE as it lies on disk; compiled once for all tests."""
    pytest.importorskip("numba")
    folder = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULLBACK_CACHE_DIR", str(folder))
        patch.setattr(machine, "_loaded", {})
        assert right(machine.load_native(SOURCE, "steps", arguments()))
    (entry,) = (path for path in folder.iterdir() if (path / "source.py").is_file())
    assert (entry / "source.py").read_text() == SOURCE
    return entry.name, (entry / "code").read_bytes()


@pytest.fixture
def filled(place, code):
    """A cache folder that holds the machine code of SOURCE; its file."""
    entry = place / code[0]
    entry.mkdir(parents=True, mode=0o700)
    place.chmod(0o700)
    (entry / "code").write_bytes(code[1])
    (entry / "code").chmod(0o600)
    return entry / "code"


@pytest.fixture
def compiles(monkeypatch, code):
    """How often something is compiled: a list that grows. The compiler gives the code at hand."""
    _, data = code
    made = machine._unpacked(data[len(cache._FORMAT) + 65 :])
    calls = []

    def compile_(source, *_):
        calls.append(source)
        return made

    monkeypatch.setattr(machine, "_compile", compile_)
    return calls
