"""Running a backward pass line by line: every value that its lines store, and from what.

`sys.settrace` tells when a line begins. What changed since the line before, in the variables,
in the containers they hold and inside arrays, is what that line stored; so tuple unpacking,
`:=`, `+=`, writes through views and `np.add.at` need no special care. What the line read is
taken from its syntax. Functions of the same module that the backward pass calls are walked too.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from .references import Found, leaves_of, resolved
from .statements import (
    Reference,
    Statement,
    StatementsOfFile,
    called_in,
    references_of,
    statements_of,
)
from .stored import Path, Stored, as_written

MOST_STORED = 5000
"""A backward pass that stores more values than this is not walked."""

_COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


@dataclass(frozen=True)
class Before:
    """The variables of a function before a line changes them."""

    variables: dict[str, Any]
    stored: dict[Path, Stored]
    objects: dict[Path, Any]


@dataclass
class _Frame:
    """What is known of a running function."""

    code: CodeType
    stored: dict[Path, Stored] = field(default_factory=dict)
    objects: dict[Path, Any] = field(default_factory=dict)
    statement: Statement | None = None
    read: list[Found] = field(default_factory=list)
    before: Before | None = None
    came_back: dict[Stored, str] = field(default_factory=dict)


class Recorder:
    """The values that a backward pass stores.

    Args:
        backward: The function.

    Attributes:
        stored: Every stored value, in order.
        returned: The value behind each leaf of what was returned, by its path.
        is_too_long: Whether it stores too many values to look at each.
        has_source: Whether its text is at hand.
    """

    def __init__(self, backward: Callable[..., Any]) -> None:
        self.backward = backward
        self.stored: list[Stored] = []
        self.returned: dict[Path, Stored] = {}
        self.is_too_long = False
        own = _function_of(backward)
        code = getattr(own, "__code__", None)
        self.has_source = code is not None and statements_of(code.co_filename) is not None
        self._globals = getattr(own, "__globals__", None)
        self._sources: dict[str, StatementsOfFile | None] = {}
        self._frames: dict[FrameType, _Frame] = {}
        self._by_object: dict[int, tuple[Any, Stored]] = {}

    def run(self, args: Any, kwargs: Any) -> Any:
        """Call the backward pass and record; nothing of the tracing stays behind."""
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            with np.errstate(all="ignore"):
                return self.backward(*args, **kwargs)
        finally:
            sys.settrace(before)
            self._frames.clear()

    def _on_call(self, frame: FrameType, event: str, arg: Any) -> Any:
        is_own = frame.f_globals is self._globals
        if not is_own or frame.f_code.co_name in _COMPREHENSIONS or self.is_too_long:
            return None
        state = _Frame(frame.f_code)
        self._frames[frame] = state
        caller = self._caller(frame)
        for path, value in leaves_of(frame.f_locals):
            stored = self._known(value)
            if stored is None:
                stored = self._passed(caller, path, value)
            state.stored[path], state.objects[path] = stored, value
        return self._on_event

    def _caller(self, frame: FrameType) -> _Frame | None:
        above = frame.f_back
        while above is not None and above not in self._frames:
            above = above.f_back
        return None if above is None else self._frames[above]

    def _on_event(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "exception" or self.is_too_long:
            return self._on_event
        state = self._frames[frame]
        self._complete(frame, state)
        if event == "return":
            self._return(frame, state, arg)
        else:
            self._begin(frame, state)
        return self._on_event

    def _begin(self, frame: FrameType, state: _Frame) -> None:
        """A line begins: note what its statement reads before anything changes."""
        statement = self._statement(frame)
        begins_again = statement is not None and statement.is_one_line
        if statement is not state.statement or begins_again:
            state.read, state.came_back = [], {}
            state.before = Before(dict(frame.f_locals), dict(state.stored), dict(state.objects))
        state.statement = statement
        if statement is not None:
            state.read += self._resolved(frame, state, statement.reads())

    def _statement(self, frame: FrameType) -> Statement | None:
        file = frame.f_code.co_filename
        if file not in self._sources:
            self._sources[file] = statements_of(file)
        source = self._sources[file]
        return source.at(frame.f_lineno) if source else None

    def _complete(self, frame: FrameType, state: _Frame) -> None:
        """A line has ended: what changed since it began is what it stored."""
        targets = state.statement.target_names() if state.statement else set()
        leaves = list(leaves_of(frame.f_locals))
        for path, value in sorted(leaves, key=lambda leaf: leaf[0][0] not in targets):
            if state.objects.get(path) is value and _same(state.stored[path].snapshot, value):
                continue
            known = self._known(value)
            if known is None or not _same(known.snapshot, value):
                known = self._store(frame, state, path, value)
            elif state.objects.get(path) is not value:
                known = self._renamed(state, path, value, known)
            state.stored[path], state.objects[path] = known, value

    def _store(self, frame: FrameType, state: _Frame, path: Path, value: Any) -> Stored:
        part = state.statement.part_for(path) if state.statement else None
        if part is None:
            found = [*state.read, *(Found(stored, True) for stored in state.came_back)]
        else:
            called = called_in(part)
            back = [stored for stored, name in state.came_back.items() if name in called]
            found = self._resolved(frame, state, list(references_of(part)))
            found += [Found(stored, True) for stored in back]
        return self._new(state, path, value, found)

    def _renamed(self, state: _Frame, path: Path, value: Any, known: Stored) -> Stored:
        """A value that was there under another name; what a called function returned is new."""
        if state.statement is None or not state.statement.assigns or known in state.came_back:
            return known
        return self._new(state, path, value, [Found(known, True)], renamed=True)

    def _new(
        self,
        state: _Frame,
        path: Path,
        value: Any,
        found: list[Found],
        renamed: bool = False,
    ) -> Stored:
        self.is_too_long = len(self.stored) >= MOST_STORED
        stored = Stored(
            number=len(self.stored),
            name=as_written(path),
            statement=state.statement,
            snapshot=np.array(value),
            inputs=tuple(dict.fromkeys(f.stored for f in found if f.surely)),
            may_read=tuple(dict.fromkeys(f.stored for f in found if not f.surely)),
            renamed=renamed,
        )
        self.stored.append(stored)
        self._by_object[id(value)] = value, stored
        return stored

    def _passed(self, caller: _Frame | None, path: Path, value: Any) -> Stored:
        """An argument that no variable of the caller holds: given, or computed in the call."""
        if caller is not None:
            return self._new(caller, path, value, caller.read)
        given = Stored(-1, as_written(path), None, np.array(value), given=True)
        self._by_object[id(value)] = value, given
        return given

    def _return(self, frame: FrameType, state: _Frame, value: Any) -> None:
        caller = self._caller(frame)
        for path, leaf in leaves_of({"return": value}):
            known = self._known(leaf)
            if known is None or not _same(known.snapshot, leaf):
                known = self._store(frame, state, path, leaf)
            else:
                known = self._renamed(state, path, leaf, known)
            if caller is not None:
                caller.came_back[known] = state.code.co_name
            else:
                self.returned[path[1:]] = known
        del self._frames[frame]

    def _known(self, value: Any) -> Stored | None:
        found = self._by_object.get(id(value))
        return found[1] if found is not None and found[0] is value else None

    def _resolved(
        self, frame: FrameType, state: _Frame, references: list[Reference]
    ) -> list[Found]:
        before = state.before or Before({}, {}, {})

        def stored_at(path: Path, value: Any) -> Stored | None:
            if before.objects.get(path) is value:
                return before.stored[path]
            return self._known(value)

        names = {**frame.f_globals, **before.variables}
        return [found for r in references for found in resolved(r, names, stored_at)]


def _function_of(backward: Any) -> Any:
    """The function that runs when a method, an object, a partial or a decorated one is called."""
    while isinstance(backward, functools.partial):
        backward = backward.func
    own = inspect.unwrap(backward)
    if not hasattr(own, "__code__") and not hasattr(own, "__func__"):
        own = getattr(type(own), "__call__", own)  # noqa: B004 - the method itself
    return getattr(own, "__func__", own)


def _same(snapshot: Any, value: Any) -> bool:
    """Whether an array still holds what it held."""
    if isinstance(value, float | np.floating):
        return True
    return bool(snapshot.shape == value.shape and snapshot.tobytes() == value.tobytes())


def ancestors(stored: Stored) -> Iterator[Stored]:
    """All values that a value was computed from, itself first."""
    seen: set[Stored] = set()
    waiting = [stored]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            yield current
            waiting += [*current.inputs, *current.may_read]
