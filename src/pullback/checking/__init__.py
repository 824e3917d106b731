"""Doubt: derived gradients against differences of the program with frozen branches."""

from .gradients import GradientCheck, VariableCheck, check_gradients

__all__ = ["GradientCheck", "VariableCheck", "check_gradients"]
