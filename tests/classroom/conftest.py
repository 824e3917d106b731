"""What attacks aim at, and the layers against them."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from rooms import SMALL

from pullback.classroom import protection_of
from pullback.classroom.sandbox import LAYERS


@pytest.fixture(scope="session")
def protection():
    return protection_of(SMALL)


@pytest.fixture(scope="session")
def layers(protection):
    """The layers of this system, where they close all there is to close."""
    if protection.open_ways:
        pytest.skip(protection.sentence)
    return protection.layers


@pytest.fixture(scope="session")
def all_layers(layers):
    """All layers, so that each can be tried alone."""
    if layers != LAYERS:
        pytest.skip(f"needs root, Landlock and seccomp; there are {', '.join(layers)}")
    return layers


@pytest.fixture
def victim():
    """A process of the grader's."""
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, "SECRET": "1"})
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def others():
    """Files of the grader's, in a folder that everybody may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    modes = {"private": 0o600, "of_the_group": 0o640, "readable": 0o644, "open_to_all": 0o666}
    for name, mode in modes.items():
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    yield {name: str(folder / name) for name in modes}
    shutil.rmtree(folder)
