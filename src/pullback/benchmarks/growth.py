"""How time and memory grow with rows, width, depth and batch size, for every engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .crew import Crew, Member, WorkerError, choices
from .peers import OURS
from .rounds import Effort
from .workload import Workload

BASE = Workload(name="growth", data="clusters", rows=8192, widths=(64, 128, 10), batch=128)

AXES: Mapping[str, tuple[int, ...]] = {
    "rows": (512, 2048, 8192, 32_768, 131_072),
    "width": (8, 32, 128, 512, 2048),
    "depth": (1, 2, 4, 8, 16),
    "batch": (1, 8, 64, 512, 4096),
}
QUICK_AXES: Mapping[str, tuple[int, ...]] = {
    "rows": (256, 1024),
    "width": (8, 64),
    "depth": (1, 4),
    "batch": (16, 256),
}

ENGINES = ("native", "reference", "pytorch", "jax", "scikit-learn")


def at(axis: str, value: int) -> Workload:
    """The base with one of its sizes changed; one epoch behind the first is timed."""
    columns, width, classes = BASE.widths
    changes: dict[str, dict[str, Any]] = {
        "rows": {"rows": value},
        "width": {"widths": (columns, value, classes)},
        "depth": {"widths": (columns, *[width] * value, classes)},
        # Fewer rows where each is a step: what is shown is the time of a row.
        "batch": {"batch": value, "rows": min(BASE.rows, max(512, 64 * value))},
    }
    return replace(BASE, name=f"growth-{axis}-{value}", epochs=2, **changes[axis])


def points(quick: bool) -> list[tuple[str, int]]:
    """What is measured: (axis, value)."""
    axes = QUICK_AXES if quick else AXES
    return [(axis, value) for axis, values in axes.items() for value in values]


def measure(
    crew: Crew,
    engines: Sequence[str],
    effort: Effort,
    cores: int,
    quick: bool,
    on_round: Callable[[str], None] = lambda text: None,
    keep: Callable[[dict[str, Any]], None] = lambda point: None,
) -> None:
    """One point for each axis, value and engine, given to `keep`.

    Each is a process of its own, so that its memory is its own too. A point has "axis", "value",
    "engine", "threads", "rows", "seconds" (of an epoch, at the best number of threads) and
    "bytes" (above what was there before, data included there).
    """
    crew.dismiss_all()  # libraries that are loaded already would not be counted
    for axis, value in points(quick):
        work = at(axis, value)
        for engine in [engine for engine in ENGINES if engine in engines]:
            on_round(f"growth: {axis} {value:,}, {engine}")
            counts = choices(engine, cores)
            if effort.threads is not None and engine not in OURS:
                counts = effort.threads
            best: dict[str, Any] | None = None
            for threads in counts:
                told = _one(crew.member(engine, threads), crew, work, effort)
                if told is not None and (best is None or told["seconds"] < best["seconds"]):
                    best = {"threads": threads, **told}
            if best is not None:
                keep({"axis": axis, "value": value, "engine": engine, "rows": work.rows, **best})


def _one(member: Member, crew: Crew, work: Workload, effort: Effort) -> dict[str, Any] | None:
    """Seconds and bytes; None when the engine cannot do it."""
    told = work.to_json()
    try:
        flavours = member.ask("flavours", workload=told)["flavours"]
        if not flavours:
            return None
        found = member.ask(
            "memory", workload=told, flavour=flavours[0], least_seconds=effort.least_seconds
        )
    except WorkerError:
        return None
    finally:
        crew.dismiss(member)
    return {"seconds": found["seconds"], "bytes": found["bytes"]}
