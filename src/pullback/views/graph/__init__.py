"""Program -> a picture: forward and backward in one graph, by a layered layout of our own."""

from .graph import Graph, draw, graph_of

__all__ = ["Graph", "draw", "graph_of"]
