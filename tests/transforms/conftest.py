"""Makes `random_expressions` and `golden_programs` importable, in every import mode."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "views")]
