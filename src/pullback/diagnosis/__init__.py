"""Diagnosis: what ails a network, what to try, and which experiment shows it."""

from .findings import diagnose
from .finding import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
