"""What `pullback train --diagnose` shows."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from ..diagnosis import Diagnosis
from ..diagnosis.finding import FINE, PROBLEM, WARNING
from .display import heading

STYLES = {FINE: "green", WARNING: "yellow", PROBLEM: "bold red"}


def show_diagnosis(console: Console, diagnosis: Diagnosis, when: str) -> None:
    """Every finding; those that are not fine with what to try and the experiment that shows it.

    Args:
        console: Where to.
        diagnosis: What was found.
        when: The state of the network, for the heading.
    """
    ailments = len(diagnosis.ailments)
    count = f"{ailments} of {len(diagnosis.findings)} findings" if ailments else "nothing"
    heading(console, "DIAGNOSED", f"{when}: {count} to look at")
    for finding in diagnosis.findings:
        first, *more = str(finding).splitlines()
        text = Text("  ").append(finding.level, STYLES.get(finding.level, ""))
        console.print(text.append(first[len(finding.level) :]), soft_wrap=True)
        for line in more:
            console.print(f"  {line}", soft_wrap=True)
    console.print()
