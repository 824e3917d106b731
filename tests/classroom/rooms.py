"""Attacks on the room that a submission runs in; each is a file of its own."""

from pathlib import Path

from pullback.classroom import Limits

SUBMISSIONS = Path(__file__).parent / "submissions"
SMALL = Limits(seconds=30, cpu_seconds=10, memory_mib=512, output_kib=64)


def files_of(name: str) -> dict[str, bytes]:
    """An attack as a student would hand it in."""
    return {"submission.py": (SUBMISSIONS / f"{name}.py").read_bytes()}


def called_with(*sets):
    """Sets of arguments, all by name."""
    return [((), inputs) for inputs in sets]
