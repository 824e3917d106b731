"""Properties that are computed when they are first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801 (named as the one of functools)
    """A method turned into an attribute: computed when first asked for, kept in the `__dict__`.

    As in functools from Python 3.12 on, no lock is held meanwhile. Before, all instances of a
    class shared one: threads waited for each other's work, and a process that was forked
    meanwhile waited for ever. Threads that ask at once may compute the same thing twice; then all
    of them get what was kept first.

    Args:
        compute: What is called with the instance, which needs a `__dict__`; frozen ones have it.

    Example:
        >>> class Circle:
        ...     def __init__(self, radius):
        ...         self.radius = radius
        ...
        ...     @cached_property
        ...     def area(self):
        ...         return 3 * self.radius**2
        >>> circle = Circle(2)
        >>> circle.area
        12
        >>> vars(circle)
        {'radius': 2, 'area': 12}
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T: ...

    def __get__(self, instance: object, owner: type | None = None) -> Self | T:
        # Python comes here only while the instance has no attribute of this name.
        if instance is None:
            return self
        kept: T = vars(instance).setdefault(self._name, self._compute(instance))
        return kept
