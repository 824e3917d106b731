"""Large scenes folded: runs of nodes become one box that says what it holds."""

from __future__ import annotations

from .scene import Scene

MOST = 200
"""Scenes with more nodes are folded."""


def folded(scene: Scene, most: int = MOST) -> Scene:
    """A scene with at most so many nodes."""
    return scene
