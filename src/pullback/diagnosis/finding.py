"""What a diagnosis finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

FINE, WARNING, PROBLEM = "fine", "warning", "problem"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: What was looked at.
        level: "fine", "warning" or "problem".
        seen: What was seen, with its numbers, in one sentence.
        advice: What to try; empty where all is well.
        experiment: The experiment that shows it (`pullback compare NAME`); empty for none.
        numbers: What was measured (plain data).
    """

    what: str
    level: str
    seen: str
    advice: str = ""
    experiment: str = ""
    numbers: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        lines = [f"{self.level:<8} {self.what}: {self.seen}"]
        if self.advice:
            shown = f" See: pullback compare {self.experiment}" if self.experiment else ""
            lines.append(f"{'':<8} {self.advice}{shown}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Diagnosis:
    """All findings of `pb.diagnose`.

    Attributes:
        findings: In the order in which they were looked for.
    """

    findings: tuple[Finding, ...]

    @property
    def ailments(self) -> tuple[Finding, ...]:
        """The findings that are not fine."""
        return tuple(finding for finding in self.findings if finding.level != FINE)

    def __getitem__(self, what: str) -> Finding:
        """The finding about something, by the beginning of its name."""
        for finding in self.findings:
            if finding.what.startswith(what):
                return finding
        raise KeyError(what)

    def to_json(self) -> str:
        """All findings as JSON."""
        return json.dumps([asdict(finding) for finding in self.findings], indent=1) + "\n"

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))
