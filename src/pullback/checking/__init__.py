"""Doubt: derived gradients against differences of the program with frozen branches."""

from .gradients import check_gradients
from .report import GradientCheck, Kink, Step, VariableCheck

__all__ = ["GradientCheck", "Kink", "Step", "VariableCheck", "check_gradients"]
