"""Options that stand in a panel of a command's help."""

from __future__ import annotations

from typing import Any

import typer


def option(panel: str, metavar: str, text: str, **more: Any) -> Any:
    """An option with a value.

    Args:
        panel: The heading that it stands under.
        metavar: What stands for its value.
        text: What it is for.
        **more: Further settings of `typer.Option`.
    """
    return typer.Option(metavar=metavar, help=text, rich_help_panel=panel, **more)


def flag(panel: str, word: str, text: str) -> Any:
    """An option without a value, such as --step."""
    return typer.Option(word, help=text, rich_help_panel=panel)
