"""Machine code of these tests is kept in a folder of their own, and not in the home."""

import pytest


@pytest.fixture(scope="session")
def machine_code(tmp_path_factory):
    """The folder."""
    return tmp_path_factory.mktemp("machine_code")


@pytest.fixture(autouse=True)
def kept_apart(machine_code, monkeypatch):
    """Let every test compile into it."""
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(machine_code))
