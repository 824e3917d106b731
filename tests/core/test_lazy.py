"""A property that is computed when it is first asked for."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass

import pytest

from pullback.lazy import cached_property


@dataclass(frozen=True)
class Circle:
    radius: float
    asked: list

    @cached_property
    def area(self):
        """About so large."""
        self.asked.append("area")
        return [3 * self.radius**2]


def test_it_is_computed_once_and_kept_with_the_instance():
    circle = Circle(2, [])
    assert "area" not in vars(circle)
    assert circle.area is circle.area is vars(circle)["area"]
    assert circle.asked == ["area"]
    assert Circle(1, []).area == [3]


def test_what_is_written_to_the_instance_stands():
    circle = Circle(2, [])
    vars(circle)["area"] = 7
    assert circle.area == 7
    assert circle.asked == []
    with pytest.raises(FrozenInstanceError):
        circle.area = 8


def test_the_class_shows_the_property_and_its_text():
    assert isinstance(Circle.area, cached_property)
    assert Circle.area.__doc__ == "About so large."


def test_an_error_is_not_kept():
    class Late:
        tries = 0

        @cached_property
        def value(self):
            self.tries += 1
            if self.tries == 1:
                raise LookupError
            return self.tries

    late = Late()
    with pytest.raises(LookupError):
        late.value  # noqa: B018
    assert late.value == 2


class Meeting:
    """Its place is known once two threads look for it."""

    def __init__(self):
        self.both = threading.Barrier(2, timeout=10)

    @cached_property
    def place(self):
        self.both.wait()
        return object()


def test_threads_that_ask_at_once_do_not_wait_and_get_the_same():
    meeting = Meeting()
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: meeting.place, range(2))
    assert first is second is meeting.place
