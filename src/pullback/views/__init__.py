"""Program -> people: readable NumPy source."""

from .numpy_source import to_numpy

__all__ = ["to_numpy"]
