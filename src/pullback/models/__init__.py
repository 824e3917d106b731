"""Trained models: predicting, printing, saving, loading."""

from .model import Model, load

__all__ = ["Model", "load"]
