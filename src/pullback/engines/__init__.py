"""Program -> machine. The reference engine runs the emitted NumPy source."""

from .binding import Signature
from .reference import Executable, executable

__all__ = ["Executable", "Signature", "executable"]
