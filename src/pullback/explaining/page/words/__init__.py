"""The words of the page: one table a language, all with the same keys."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from ....errors import UsageError, nearest

LANGUAGES = ("en", "zh")

READ_AGAIN = ("math", "reason", "picture", "kink")
"""Sections of the tables that hold what other parts of the project say in English. Each writes
its sentences where it finds their facts; the page recognizes them by the English table."""


class Words:
    """The words of one language.

    Args:
        language: "en" for English, "zh" for Simplified Chinese.

    Raises:
        UsageError: There is no such language.
    """

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise UsageError(
                f"The page has no language {language!r}; it has {' and '.join(LANGUAGES)}."
                + nearest(language, list(LANGUAGES))
            )
        self.language = language
        self._texts = table_of(language)

    def __call__(self, key: str, /, **values: Any) -> str:
        """The text of a key, with values put in for its {names}."""
        return self._texts[key].format(**values)

    def translated(self, text: str) -> str:
        """What another part of the project says, in this language; the same if it is no words."""
        if self.language == "en":
            return text
        for key, pattern in _patterns().items():
            match = pattern.fullmatch(text)
            if match:
                return self(key, **match.groupdict())
        return text

    def of_identity(self, name: str, english: tuple[str, str]) -> tuple[str, str]:
        """What an identity says and the condition it needs."""
        if self.language == "en":
            return english
        statement, condition = identities_of(self.language).get(name, english)
        return statement, condition


@cache
def table_of(language: str) -> dict[str, str]:
    """All texts of a language by their dotted keys."""
    sections = _read(f"{language}.toml").items()
    return {f"{name}.{key}": said for name, texts in sections for key, said in texts.items()}


@cache
def identities_of(language: str) -> dict[str, list[str]]:
    """Statement and condition of each identity; English ones stand with the identities."""
    return _read(f"identities.{language}.toml")


def _read(file: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(file).read_text("utf-8"))


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """How the sentences of other parts read, by key; the first that matches a text counts."""
    texts = table_of("en").items()
    return {key: _pattern(form) for key, form in texts if key.partition(".")[0] in READ_AGAIN}


def _pattern(form: str) -> re.Pattern[str]:
    texts, names = re.split(r"\{\w+\}", form), re.findall(r"\{(\w+)\}", form)
    groups = [f"(?P<{name}>.+?)" for name in names]
    parts = zip(map(re.escape, texts), [*groups, ""], strict=True)
    return re.compile("".join(text + group for text, group in parts))
