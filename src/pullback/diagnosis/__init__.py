"""Diagnosis: what ails a network, what to try, and which experiment shows it."""

from .finding import Diagnosis, Finding
from .findings import diagnose

__all__ = ["Diagnosis", "Finding", "diagnose"]
