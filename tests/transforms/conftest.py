"""Makes `random_expressions` importable from the tests of this folder, in every import mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
