"""Functions of the user's own, written as one word: FILE.py:NAME."""

from __future__ import annotations

import importlib
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import Location, PullbackError, UsageError, at, nearest
from ..tracing.trace import signature_of

FORM = "FILE.py:NAME"
"""How such a word is written."""

_WORD = re.compile(r"(?P<file>.*?\.py)(?::(?P<name>.*))?", re.DOTALL)


def is_of_file(word: str) -> bool:
    """Whether a word names a Python file: bent.py:bent, models/bent.py."""
    return _WORD.fullmatch(word) is not None


class Files:
    """The Python files that the words of a command name; each is run once, when first asked for.

    A file is run as a module of its own, with its folder first on the path, so that it can import
    what lies beside it. Nothing stays behind: neither in `sys.modules` and `sys.path`, nor as
    bytecode on the disk.
    """

    def __init__(self) -> None:
        self._modules: dict[Path, ModuleType] = {}
        self._sources: set[str] = set()

    def making(
        self, arguments: str, make: Callable[[Callable[..., Any]], Any]
    ) -> Callable[[str, str], Any]:
        """(option, word) -> what `make` makes of the function that the word names.

        Args:
            arguments: What the function is called with, as in "outputs, targets".
            make: What takes the function; a `UsageError` of it is told with option and word.
        """
        return partial(self._made, arguments, make)

    def _made(self, arguments: str, make: Callable[..., Any], option: str, word: str) -> Any:
        try:
            return make(self._function(word, arguments))
        except UsageError as error:
            raise UsageError(f"{option} {word}: {error}") from None

    def member(self, option: str, path: Path, name: str, default: Any = None) -> Any:
        """What a file calls a name; without a default it must be a function.

        Raises:
            UsageError: When there is no such file, it cannot be run, or it has no such function.
        """
        try:
            module = self._module(path)
            if default is not None:
                return getattr(module, name, default)
            found = getattr(module, name, None)
            if not callable(found) or isinstance(found, type):
                raise UsageError(_no_function(name, module))
        except UsageError as error:
            raise UsageError(f"{option} {path}: {error}") from None
        return getattr(module, name)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let an error of a function of the user's own be one sentence with the user's line."""
        try:
            yield
        except PullbackError:
            raise
        except (Exception, SystemExit) as error:
            where = self._line_of(error)
            if where is None:
                raise
            raise UsageError(_failure(error, where)) from error

    def _function(self, word: str, arguments: str) -> Callable[..., Any]:
        """The function that a word names, when it can be called with the arguments."""
        found = _WORD.fullmatch(word)
        assert found is not None
        file, (name, colon, settings) = found["file"], (found["name"] or "").partition(":")
        module = self._module(Path(file))
        if colon:
            raise UsageError(
                f"a function of your own has no settings, so {settings!r} cannot follow it."
            )
        if not hasattr(module, name):
            raise UsageError(_no_function(name, module))
        function: Callable[..., Any] = getattr(module, name)
        if not callable(function) or isinstance(function, type):
            what = f"the class {name}" if isinstance(function, type) else repr(function)
            raise UsageError(f"it must be a function, not {what}.")
        signature = signature_of(function)
        try:
            signature.bind(*arguments.split(", "))
        except TypeError:
            raise UsageError(
                f"it must be a function of ({arguments}), not of {signature}."
            ) from None
        return function

    def _module(self, path: Path) -> ModuleType:
        file = path.absolute()
        if file not in self._modules:
            if not path.is_file():
                what = f"{path} is a folder" if path.is_dir() else f"there is no file {path}"
                raise UsageError(f"{what}.")
            self._modules[file] = self._run(file)
        return self._modules[file]

    def _run(self, file: Path) -> ModuleType:
        name = f"pullback_own_{file.stem}"
        spec = spec_from_loader(name, SourceFileLoader(name, str(file)))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        self._sources.add(str(file))
        with _at_home(file.parent) as imported:
            sys.modules[name] = module
            try:
                spec.loader.exec_module(module)
            except (Exception, SystemExit) as error:
                self._sources |= imported() | _beside(file, error)
                where = self._line_of(error) or Location(str(file), 1)
                if isinstance(error, SyntaxError):  # also of a file that it imports
                    where = Location(error.filename or str(file), error.lineno or 1)
                raise UsageError(_failure(error, where)) from error
            self._sources |= imported()
        return module

    def _line_of(self, error: BaseException) -> Location | None:
        """The innermost line of the user's files that an error came through."""
        lines = [
            Location(frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(error.__traceback__)
            if frame.f_code.co_filename in self._sources
        ]
        return lines[-1] if lines else None


@contextmanager
def _at_home(folder: Path) -> Iterator[Callable[[], set[str]]]:
    """Import from a folder, and leave nothing of it behind.

    Yields what tells the source files of all that was imported from it so far.
    """
    modules, path, writes_no_bytecode = set(sys.modules), sys.path[:], sys.dont_write_bytecode
    importlib.invalidate_caches()
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True

    def new() -> list[str]:
        return [name for name in set(sys.modules) - modules if _lies_in(folder, name)]

    try:
        yield lambda: {str(getattr(sys.modules[name], "__file__", None)) for name in new()}
    finally:
        for name in new():
            del sys.modules[name]
        sys.path[:], sys.dont_write_bytecode = path, writes_no_bytecode


def _lies_in(folder: Path, name: str) -> bool:
    """Whether a module, or the package that it is of, was found in a folder itself.

    Below is not enough: an environment of libraries may lie there too.
    """
    spec = getattr(sys.modules.get(name.partition(".")[0]), "__spec__", None)
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin or ""]
    return any(Path(place).parent == folder for place in places)


def _beside(file: Path, error: BaseException) -> set[str]:
    """The files of the same folder that an error came through: a failed import leaves no module."""
    came_through = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    return {name for name in came_through if Path(name).parent == file.parent}


def _no_function(name: str, module: ModuleType) -> str:
    own = [
        known
        for known, value in vars(module).items()
        if callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", "") == module.__name__
    ]
    has = f"it has {', '.join(own)}" if own else "it has no function"
    lacks = f"there is no function {name!r}; {has}" if name else f"write {FORM}; {has}"
    return f"{lacks}.{nearest(name, own)}"


def _failure(error: BaseException, where: Location) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    told = f"{type(error).__name__}{f': {text}' if text else ''}"
    return told if told.endswith(str(where)) else at(told, where)  # some name their line already
