"""A real Chromium for the tests of this folder, and pages to look at in it.

Where there is no Chromium or no Playwright, the tests are skipped; with PULLBACK_REQUIRE_BROWSER
set, they fail.
"""

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "explaining")]

NAMES = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what):
    """Skip, or fail where a browser is required."""
    sentence = f"{what}; `make browser-setup` installs Debian's Chromium"
    if os.environ.get("PULLBACK_REQUIRE_BROWSER"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    executable = next(filter(None, map(shutil.which, NAMES)), None)
    if executable is None:
        missing("there is no Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("there is no Playwright for Python")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield chromium
        chromium.close()


@dataclass
class Opened:
    """A page in a window of its own, with all that went wrong on it and all it asked for."""

    page: object
    errors: list = field(default_factory=list)
    requests: list = field(default_factory=list)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The file of a page; each is written once."""
    from subjects import subject_of

    from pullback.explaining.page import write_page

    folder, files = tmp_path_factory.mktemp("pages"), {}

    def write(name, language):
        file = folder / f"{name}-{language}.html"
        if file not in files:
            write_page(subject_of(name), file, language)
            files[file] = True
        return file

    return write


@pytest.fixture
def open_page(browser, written):
    """Open the page on a subject; when the test ends, nothing may have gone wrong on it."""
    opened, contexts = [], []

    def open_(name, language="en", width=1600, height=1000, **settings):
        viewport = {"width": width, "height": height}
        still = {"reduced_motion": "reduce"}  # each frame of a transition costs time
        context = browser.new_context(viewport=viewport, **still, **settings)
        contexts.append(context)
        one = Opened(context.new_page())
        opened.append(one)
        one.page.set_default_timeout(30_000)
        one.page.on("console", lambda message: one.errors.append(message.text))
        one.page.on("pageerror", lambda error: one.errors.append(str(error)))
        one.page.on("request", lambda request: one.requests.append(request.url))
        one.page.goto(written(name, language).as_uri())
        return one.page

    open_.errors = lambda: opened[-1].errors
    yield open_
    for one in opened:
        assert one.errors == []
        assert [url for url in one.requests if not url.startswith("data:")] == one.requests[:1]
        assert one.requests[0].startswith("file:")
    for context in contexts:
        context.close()
