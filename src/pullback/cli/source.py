"""Parts of the emitted training step."""

from __future__ import annotations

from textwrap import dedent

STAGES = ("forward", "backward", "update")


def stage_lines(source: str, stage: str) -> str:
    """The lines of one stage of a training step: forward, backward or update.

    Args:
        source: What `Program.to_numpy` wrote.
        stage: One of `STAGES`.

    Returns:
        The lines below the stage's comment and above the next one, without indentation.

    Example:
        >>> print(stage_lines("def f(x):\\n    # forward\\n    y = x\\n    # update", "forward"))
        y = x
    """
    wanted = False
    lines: list[str] = []
    for line in source.splitlines():
        word = line.strip().removeprefix("# ")
        if line.strip().startswith("#") and word in STAGES:
            wanted = word == stage
        elif line.strip().startswith("return "):
            wanted = False
        elif wanted:
            lines.append(line)
    return dedent("\n".join(lines)).strip("\n")
