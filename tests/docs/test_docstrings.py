"""Every public name is documented, and every example in a docstring prints what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import pullback as pb

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(pb.__path__, "pullback.")
    if not module.name.startswith(
        # The last import the libraries that they measure, which are not installed here.
        ("pullback.cli", "pullback.__main__", "pullback.benchmarks.peers.")
    )
)
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (pb, pb.nn, pb.losses, pb.optim)
    for name in module.__all__
    if not inspect.ismodule(getattr(module, name))
}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


def test_there_are_examples_to_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    assert sum(len(test.examples) for m in modules for test in finder.find(m)) > 50


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_documented(name):
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert text, f"{name} has no docstring"
    if inspect.isfunction(PUBLIC[name]):
        for section in sections_due(PUBLIC[name]):
            assert section in text, f"{name} lacks {section}"


def sections_due(function) -> list[str]:
    """A function says what goes in, what comes out and how it is used."""
    parameters = inspect.signature(function).parameters
    return [*(["Args:", "Returns:", "Example:"] if parameters else [])]
