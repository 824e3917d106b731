"""The page that explains a backward pass: source beside equations beside picture, in one file."""

from __future__ import annotations

import os

from ...storage.atomic import write_atomic
from ..subject import Subject
from .document import page_text

__all__ = ["page_text", "write_page"]


def write_page(subject: Subject, path: str | os.PathLike[str], language: str = "en") -> None:
    """Write the page on a subject as one HTML file that needs no network.

    Args:
        subject: What is explained.
        path: The file; one that is there is replaced.
        language: "en" for English, "zh" for Simplified Chinese.

    Raises:
        UsageError: There is no such language.
        StorageError: The file cannot be written.
    """
    write_atomic(path, page_text(subject, language))
