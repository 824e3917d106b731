"""The page of questions has every experiment, and every picture that a page shows exists."""

import re
from pathlib import Path

import pytest

from pullback.experiments import EXPERIMENTS, experiment

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_page_of_questions_has_every_experiment(name):
    page = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    _, question, rest = page.partition(f"## {experiment(name).QUESTION}\n")
    assert question
    section = rest.split("\n## ")[0]
    assert f"pullback compare {name}</code>" in section
    assert f"pictures/questions/{name}-" in section
    assert section.split("\n\n")[0].count(". ") <= 1, "two sentences"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_exists(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_every_picture_is_shown():
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    pictures = (ROOT / "docs" / "pictures").rglob("*.png")
    assert [p.name for p in pictures if str(p.relative_to(ROOT / "docs")) not in shown] == []
