"""What a benchmark has found, as values that print, and as plain data for a file."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FORMAT, VERSION = "pullback-bench", 1


@dataclass
class Timed:
    """One engine at one task.

    Attributes:
        engine: Its name.
        version: Of its library.
        rounds: Seconds, of an epoch or of what else the task repeats.
        threads: How many it was given; 0 where it chose by itself.
        flavour: Which of its ways was fastest; empty where it has one.
        prepare_seconds: What came before the first round: tracing, compiling, a first run.
        loss: Of all rows after the last round; None where nothing is trained.
        bytes: The most memory above what was there before; None where not measured.
    """

    engine: str
    version: str = ""
    rounds: list[float] = field(default_factory=list)
    threads: int = 0
    flavour: str = ""
    prepare_seconds: float = 0.0
    loss: float | None = None
    bytes: int | None = None

    @property
    def median(self) -> float:
        """Of the rounds, in seconds."""
        return statistics.median(self.rounds)

    @property
    def least(self) -> float:
        """Of the rounds, in seconds."""
        return min(self.rounds)

    @property
    def most(self) -> float:
        """Of the rounds, in seconds."""
        return max(self.rounds)

    def to_json(self) -> dict[str, Any]:
        """As plain data, with the median."""
        told = {**vars(self), "rounds": list(self.rounds)}
        return told | ({"median": self.median} if self.rounds else {})


@dataclass
class Task:
    """One row of the table: what was done, by whom, and what is required.

    Attributes:
        name: Of the workload, or of its part, such as "predict one row".
        title: What it is, in words.
        unit: What a round's seconds are of.
        engines: Those that were measured.
        required: Engine -> how many times as long as the first of ours it must at least take.
        agreement: The largest relative difference of losses.
        floor: A difference of losses that does not count.
        limit_seconds: What the machine would need at least; None where not known.
        share: The least share of the limit to reach; 0 for none.
        zeros: Whether products may leave out most of what the limit counts.
        problems: What went wrong, a sentence each; a task with problems has not passed.
        notes: What else to know, such as who was left out.
        facts: Settings of the task as plain data.
        ours: The engines of this project; what is required is required of the first.
    """

    name: str
    title: str
    unit: str = "epoch"
    engines: list[Timed] = field(default_factory=list)
    required: Mapping[str, float] = field(default_factory=dict)
    agreement: float = 0.0
    floor: float = 0.0
    limit_seconds: float | None = None
    share: float = 0.0
    zeros: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    ours: Sequence[str] = ("native", "reference")

    @property
    def base(self) -> Timed | None:
        """Who the others are compared with: the first of ours that was measured."""
        found = {timed.engine: timed for timed in self.engines if timed.rounds}
        return next((found[name] for name in self.ours if name in found), None)

    def ratio(self, engine: str) -> float | None:
        """How many times as long as ours an engine takes; None where one is missing."""
        base = self.base
        for timed in self.engines:
            if timed.engine == engine and timed.rounds and base is not None:
                return timed.median / base.median
        return None

    def reached(self, engine: str) -> bool | None:
        """Whether what is required over an engine was reached; None where it is not known."""
        ratio, required = self.ratio(engine), self.required.get(engine)
        if ratio is None or required is None or not self._is_judged:
            return None
        return ratio >= required

    @property
    def _is_judged(self) -> bool:
        """Whether the engine that promises were made for was measured."""
        return self.base is not None and self.base.engine == self.ours[0]

    @property
    def share_reached(self) -> float | None:
        """The share of the machine's limit that ours reaches."""
        if self.limit_seconds is None or self.base is None or not self._is_judged:
            return None
        return self.limit_seconds / self.base.median

    @property
    def is_above_limit(self) -> bool:
        """Whether ours is faster than the machine's limit."""
        share = self.share_reached
        return share is not None and share > 1

    @property
    def share_is_enough(self) -> bool | None:
        """Whether the required share was reached; None where that is not known."""
        share = self.share_reached
        if not self.share or share is None or (self.is_above_limit and not self.zeros):
            return None
        return share >= self.share

    @property
    def passed(self) -> bool | None:
        """Whether all is reached and nothing went wrong; None where nothing could be judged."""
        if self.problems:
            return False
        verdicts = [self.reached(engine) for engine in self.required] + [self.share_is_enough]
        known = [verdict for verdict in verdicts if verdict is not None]
        return all(known) if known else None

    def compare_losses(self) -> None:
        """Add a problem for each engine whose loss is not that of ours."""
        base = self.base
        if base is None or base.loss is None:
            return
        for timed in self.engines:
            if timed.loss is None or timed is base:
                continue
            apart = abs(timed.loss - base.loss)
            bound = self.agreement * max(abs(timed.loss), abs(base.loss)) + self.floor
            if not apart <= bound:
                self.problems.append(
                    f"{timed.engine} ends at the loss {timed.loss:.6g}, {base.engine} at "
                    f"{base.loss:.6g}: more than {self.agreement:g} apart."
                )

    def to_json(self) -> dict[str, Any]:
        """As plain data, with ratios and verdicts."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "engines": [timed.to_json() for timed in self.engines],
            "base": None if self.base is None else self.base.engine,
            "ratios": {timed.engine: self.ratio(timed.engine) for timed in self.engines},
            "required": dict(self.required),
            "reached": {engine: self.reached(engine) for engine in self.required},
            "limit_seconds": self.limit_seconds,
            "share": self.share,
            "share_reached": self.share_reached,
            "passed": self.passed,
            "problems": list(self.problems),
            "notes": list(self.notes),
            "facts": dict(self.facts),
        }


@dataclass
class Report:
    """A whole benchmark.

    Attributes:
        machine: Processor, cores, system, versions.
        quick: Whether it was the quick form.
        images: "MNIST" or "drawn": what workloads of images were trained on.
        load_before: The load average of the last minute when it began; None where unknown.
        load_after: The same when it ended.
        limit: See `limit.measured`; None where not measured.
        tasks: The rows of the table.
        growth: Points of growth: axis, value, engine, seconds, bytes.
        left_out: Engine -> why it was not measured.
        interrupted: Whether Ctrl-C ended it early.
    """

    machine: Mapping[str, Any]
    quick: bool
    images: str = "drawn"
    load_before: float | None = None
    load_after: float | None = None
    limit: Mapping[str, Any] | None = None
    tasks: list[Task] = field(default_factory=list)
    growth: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "machine": dict(self.machine),
            "quick": self.quick,
            "images": self.images,
            "interrupted": self.interrupted,
            "load_before": self.load_before,
            "load_after": self.load_after,
            "limit": self.limit,
            "left_out": dict(self.left_out),
            "tasks": [task.to_json() for task in self.tasks],
            "growth": list(self.growth),
        }
