"""Makes `networks` and `random_expressions` importable from the tests of this folder."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "transforms")]
