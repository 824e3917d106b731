"""Products and sums as they are written for the registers of other machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PROGRAM = """
import pytest
from pullback.engines.native import blocks_code
blocks_code.register_bytes = lambda: {size}
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "not registers", *{files!r}]))
"""


@pytest.mark.parametrize("size", [16, 64])
def test_registers_of_another_size(size, tmp_path):
    """LLVM cuts or joins what the registers of this machine do not hold, and the sums are right."""
    pytest.importorskip("numba")
    files = [str(HERE / name) for name in ("test_native_products.py", "test_native_sums.py")]
    program = PROGRAM.format(size=size, files=files)
    env = {**os.environ, "PULLBACK_CACHE_DIR": str(tmp_path)}  # other code for the same machine
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=False, timeout=300, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout
