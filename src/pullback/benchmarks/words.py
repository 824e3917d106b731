"""A report in words: rows of tables, and sentences about what is missing or went wrong."""

from __future__ import annotations

from .peers import ENGINES, OURS
from .results import Report, Task, Timed

COLUMNS = ("engine", "threads", "before", "median", "from .. to", "ratio", "required")
"""Of the table of a workload; "before" is what an engine takes until the first round: compiling."""

PARTS = ("predict", "cold", "overhead")
"""How the names of tasks begin that train no workload; they have a table of their own."""

BUSY = 1 / 3
"""The load before the first measurement, for each core, above which times are not to be trusted."""

LEFT_OUT = (
    "it is faster than the machine's limit, which counts whole products: steps in which the rows "
    "of a tile are all 0 are left out."
)

ABOVE_LIMIT = (
    "it is faster than the machine's limit, so that was measured too low, most likely while other "
    "programs ran; its share is not judged."
)


def time_text(seconds: float) -> str:
    """Three digits and a unit: 1.23 ms."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{_three(seconds / size)} {unit}"
    return f"{_three(seconds / 1e-9)} ns"


def _three(value: float) -> str:
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f}"


def ratio_text(ratio: float | None) -> str:
    """How many times as long: 1.85x, 21x; empty where it is not known."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


def verdict(reached: bool | None) -> str:
    """yes, NO, or nothing."""
    return {True: "yes", False: "NO", None: ""}[reached]


def rows(task: Task) -> list[tuple[str, ...]]:
    """A row of `COLUMNS` for each engine, and one for the machine's limit where there is one."""
    told: list[tuple[str, ...]] = []
    for timed in task.engines:
        if not timed.rounds:
            continue
        told.append(
            (
                timed.engine,
                _threads(timed),
                time_text(timed.prepare_seconds) if timed.prepare_seconds else "",
                time_text(timed.median),
                f"{time_text(timed.least)} .. {time_text(timed.most)}",
                ratio_text(task.ratio(timed.engine)),
                _required(task, timed.engine),
            )
        )
    share = task.share_reached
    if share is not None and task.limit_seconds is not None:
        wanted = f"{task.share:.0%} {verdict(task.share_is_enough)}".strip() if task.share else ""
        limit = time_text(task.limit_seconds)
        told.append(("the machine's limit", "", "", limit, "", f"{share:.0%}", wanted))
    return told


def _required(task: Task, engine: str) -> str:
    required = task.required.get(engine)
    return "" if required is None else f"{required:g}x {verdict(task.reached(engine))}".strip()


def _threads(timed: Timed) -> str:
    words = [str(timed.threads) if timed.threads else "", timed.flavour]
    return " ".join(filter(None, words))


def remarks(report: Report) -> list[str]:
    """What is missing, went wrong, or should be known, a sentence each."""
    told = []
    for engine, why in report.left_out.items():
        how = "; make bench installs all peers" if engine in ENGINES else ""
        told.append(f"{engine} was left out: it {why}{how}.")
    for task in report.tasks:
        told += [f"{task.name}: FAILED, {problem}" for problem in task.problems]
        told += [f"{task.name}: {note}" for note in task.notes]
        if task.is_above_limit:
            told.append(f"{task.name}: {LEFT_OUT if task.zeros else ABOVE_LIMIT}")
    if any(task.zeros for task in report.tasks):
        told.append(f"Images: {'those of MNIST' if report.images == 'MNIST' else 'drawn'}.")
    if report.quick:
        told.append("This was the quick form: it shows how it runs, not what is true.")
    before, after = report.load_before, report.load_after
    if before is not None and after is not None:
        told.append(f"Load of the machine: {before:.1f} before, {after:.1f} after.")
    if before is not None and before > BUSY * report.machine["cores"]:
        told.append(
            "The machine was busy before it began: times may be too long and the machine's limit "
            "too low; measure again when it has nothing else to do."
        )
    return told


def machine_text(report: Report) -> str:
    """Processor, cores, versions and what the machine can do, in a line."""
    told = report.machine
    parts = [
        f"{told['processor']}, {told['cores']} cores",
        f"Python {told['python']}, NumPy {told['numpy']}",
    ]
    versions = {"pullback": told["pullback"]}
    for task in report.tasks:
        versions |= {
            t.engine: t.version for t in task.engines if t.version and t.engine not in OURS
        }
    parts += [f"{engine} {version}" for engine, version in versions.items()]
    if report.limit is not None:
        parts.append(
            f"limit {report.limit['flops_per_second'] / 1e9:.0f} GFLOP/s and "
            f"{report.limit['bytes_per_second'] / 1e9:.1f} GB/s"
        )
    return "; ".join(parts)


def count(report: Report) -> str:
    """How many requirements were reached, and which were not."""
    judged = [task for task in report.tasks if task.passed is not None]
    failed = [task.name for task in judged if not task.passed]
    kept = f"{len(judged) - len(failed)} of {len(judged)} workloads reach all that is required"
    return f"{kept}{'; not: ' + ', '.join(failed) if failed else ''}."
