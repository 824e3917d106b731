"""Traced values: what a user's function sees in place of arrays and their lengths."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..avals import Aval, Dtype
from ..dims import Dim, Dimension, product
from ..errors import TraceError, at, user_location
from ..primitive import Literal, Primitive
from ..program import Atom

if TYPE_CHECKING:
    from .builder import Builder


def refuse(message: str) -> NoReturn:
    """Raise a `TraceError` that shows the user's line."""
    raise TraceError(at(message, user_location()))


class TracedSize:
    """The length of a named axis: a number that is not known while tracing.

    Sums and products with whole numbers are lengths again; anything else makes it a traced
    number, so `total / x.shape[0]` works.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: Builder, dim: Dim) -> None:
        self._builder = builder
        self.dim = dim

    def _combine(self, other: Any, combine: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, TracedSize):
            other = other.dim
        if isinstance(other, int | np.integer) and not isinstance(other, bool):
            other = int(other)
        if isinstance(other, int | Dim):
            return as_size(self._builder, combine(self.dim, other))
        return NotImplemented

    def _number(self) -> TracedArray:
        return self._builder.size(self.dim)

    def _arithmetic(self, other: Any, combine: Callable[[Any, Any], Any], swap: bool) -> Any:
        if isinstance(other, TracedSize):
            other = other._number()
        return combine(other, self._number()) if swap else combine(self._number(), other)

    def _add(self, other: Any, swap: bool = False) -> Any:
        result = self._combine(other, operator.add)
        return self._arithmetic(other, operator.add, swap) if result is NotImplemented else result

    def _mul(self, other: Any, swap: bool = False) -> Any:
        result = self._combine(other, operator.mul)
        return self._arithmetic(other, operator.mul, swap) if result is NotImplemented else result

    def __add__(self, other: Any) -> Any:
        return self._add(other)

    def __radd__(self, other: Any) -> Any:
        return self._add(other, swap=True)

    def __mul__(self, other: Any) -> Any:
        return self._mul(other)

    def __rmul__(self, other: Any) -> Any:
        return self._mul(other, swap=True)

    def __sub__(self, other: Any) -> Any:
        result = self._combine(other, operator.sub)
        return self._arithmetic(other, operator.sub, False) if result is NotImplemented else result

    def __rsub__(self, other: Any) -> Any:
        result = self._combine(other, lambda left, right: right - left)
        return self._arithmetic(other, operator.sub, True) if result is NotImplemented else result

    def __neg__(self) -> Any:
        return as_size(self._builder, -self.dim)

    def __truediv__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.truediv, False)

    def __rtruediv__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.truediv, True)

    def __pow__(self, other: Any) -> Any:
        return self._arithmetic(other, operator.pow, False)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TracedSize):
            difference = self.dim - other.dim
            if isinstance(difference, int):
                return difference == 0
            other = other.dim
        elif not isinstance(other, int | np.integer):
            return NotImplemented
        elif other in (0, 1):
            return False
        return self._unknown(f"whether {self.dim} is {other}")

    def _unknown(self, what: str) -> NoReturn:
        refuse(
            f"The axis {self.dim} has no fixed length while tracing, so {what} is not known. "
            f"Declare it as a number (instead of {self.dim}) to fix it."
        )

    def __lt__(self, other: Any) -> bool:
        self._unknown(f"its order against {other}")

    __le__ = __gt__ = __ge__ = __lt__

    def __index__(self) -> int:
        refuse(
            f"The axis {self.dim} has no fixed length while tracing, so range, np.arange, "
            f"np.zeros(({self.dim}, ...)) and int() cannot use it. Use np.zeros_like(x), "
            "np.ones_like(x), np.cumsum(np.ones_like(x)) or array operations instead of loops, "
            "or declare the axis as a number."
        )

    __int__ = __index__

    def __float__(self) -> float:
        refuse(f"The axis {self.dim} has no fixed length while tracing; divide by it directly.")

    def __repr__(self) -> str:
        return str(self.dim)


def as_size(builder: Builder, dim: Dimension) -> Any:
    """A dimension as the user's code sees it: an int, or a TracedSize."""
    return TracedSize(builder, dim) if isinstance(dim, Dim) else dim


def as_dimension(value: Any) -> Dimension:
    """The dimension that a user's int or TracedSize stands for."""
    return value.dim if isinstance(value, TracedSize) else operator.index(value)


class TracedArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array while a function is traced; every operation on it is recorded.

    It reaches NumPy's functions through `__array_ufunc__` and `__array_function__`, so traced
    code is plain NumPy code. Writing to it (`h[mask] = 0`, `h += v`, `out=h`) makes the variable
    stand for a new value; the value it stood for does not change.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: Builder, atom: Atom) -> None:
        self.builder = builder
        self.atom = atom
        self.is_argument = False
        self.base: TracedArray | None = None
        self.views: list[weakref.ref[TracedArray]] = []

    # What an array knows of itself.

    @property
    def aval(self) -> Aval:
        """Its abstract value."""
        return self.atom.aval

    @property
    def shape(self) -> tuple[Any, ...]:
        """Its lengths; that of a named axis is a TracedSize."""
        return tuple(as_size(self.builder, dim) for dim in self.aval.shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.aval.ndim

    @property
    def dtype(self) -> Dtype:
        """Its dtype."""
        return self.aval.dtype

    @property
    def size(self) -> Any:
        """Number of entries."""
        return as_size(self.builder, product(self.aval.shape))

    def __len__(self) -> int:
        if not self.ndim:
            refuse("len() of a value without axes.")
        return operator.index(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<traced {self.aval}>"

    def snapshot(self) -> TracedArray:
        """Another handle on the value that it stands for now."""
        return TracedArray(self.builder, self.atom)

    # How operations are recorded.

    def __pullback_bind__(
        self, primitive: Primitive, inputs: Sequence[Any], params: dict[str, Any]
    ) -> TracedArray:
        traced = [value for value in inputs if isinstance(value, TracedArray)]
        innermost = max((value.builder for value in traced), key=lambda builder: builder.serial)
        return innermost.bind(primitive, inputs, params)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from .numpy_functions import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        from .numpy_functions import call_function

        return call_function(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from .numpy_functions import METHODS

        if name in METHODS:
            method = METHODS[name]
            return lambda *args, **kwargs: method(self, *args, **kwargs)
        raise AttributeError(
            at(
                f"A traced array has no attribute {name!r}; its methods are "
                f"{', '.join(sorted(METHODS))}.",
                user_location(),
            )
        )

    @property
    def T(self) -> Any:
        """The array with its axes reversed."""
        return np.transpose(self)

    # Reading and writing entries.

    def __getitem__(self, index: Any) -> Any:
        from .entries import read

        return read(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        from .entries import write

        write(self, index, value)

    def rebind(self, value: TracedArray) -> None:
        """Make this handle stand for another value of its builder, as a write does."""
        self.builder.rename_rebound(self.atom, value.atom)
        self.atom = value.atom

    def add_view(self, view: TracedArray) -> None:
        """Remember that `view` shares its entries with this array, as NumPy's views do."""
        view.base = self
        self.views = [ref for ref in self.views if ref() is not None]
        self.views.append(weakref.ref(view))

    @property
    def has_live_view(self) -> bool:
        """Whether a view of it is still in use."""
        return any(ref() is not None for ref in self.views)

    # Leaving the trace.

    def _value_for(self, purpose: str) -> Any:
        if self.builder.eager:
            return self.builder.value_of(self.atom)
        refuse(
            f"{purpose} needs numbers, but this program is traced once for all inputs. "
            "Choose with np.where(condition, a, b), or use pb.vjp or pb.grad on the function "
            "itself, which trace with the values at hand."
        )

    def __bool__(self) -> bool:
        if isinstance(self.atom, Literal):
            return bool(self.atom.value)
        if self.aval.weak and not self.builder.eager:
            refuse(
                "np.arange over a named axis, or an `if` or `while` on a length or a number that "
                "varies, needs numbers, but this program is traced once for all inputs. Count "
                "with np.cumsum(np.ones_like(x)), choose with np.where(condition, a, b), or "
                "declare the axis as a number."
            )
        return bool(self._value_for("An `if`, `while`, `and`, `or` or `not` on a traced value"))

    def __index__(self) -> int:
        if self.dtype.kind == "f":
            return self._no_number("int")
        return operator.index(self._value_for("A traced value used as an index or a length"))

    def __int__(self) -> int:
        return self.__index__() if self.dtype.kind != "f" else self._no_number("int")

    def __float__(self) -> float:
        return self._no_number("float")

    def item(self, *args: Any) -> Any:
        """Refused: it would lose the path to the gradient."""
        return self._no_number("item")

    def tolist(self) -> Any:
        """Refused: it would lose the path to the gradient."""
        return self._no_number("tolist")

    def _no_number(self, function: str) -> NoReturn:
        refuse(
            f"{function}() of a traced value, or storing it into an ordinary array, would drop "
            "it from the gradient. A 0-d array works wherever a number does, so keep it as it is; "
            "join parts with np.stack([...]), or write them into a traced array such as "
            "np.zeros_like(x); convert what the function returns."
        )

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        refuse(
            "A traced value cannot become an ordinary array: that would drop it from the "
            "gradient. Leave out np.asarray / np.array (np.copy copies, np.stack([...]) joins), "
            "write a @ b for a.dot(b) of an ordinary array a, and instead of storing into an "
            "np.zeros array, join the parts with np.stack or np.concatenate or write into a "
            "traced one, np.zeros_like(x)."
        )


def named(value: Any, name: str) -> Any:
    """The value itself; where it is traced and has no name of its own, it gets this one."""
    if isinstance(value, TracedArray):
        value.builder.suggest(value.atom, name)
    return value


def in_stage(value: Any, stage: str) -> AbstractContextManager[None]:
    """Operations recorded inside belong to a stage of the value's program."""
    return value.builder.in_stage(stage) if isinstance(value, TracedArray) else nullcontext()


def _in_place(name: str, combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """`a += b`: NumPy's scalars make a new value, its arrays change."""
    on_array = getattr(np.lib.mixins.NDArrayOperatorsMixin, name)

    def method(self: TracedArray, other: Any) -> Any:
        return combine(self, other) if self.ndim == 0 else on_array(self, other)

    method.__name__ = name
    return method


for _name, _combine in {
    "__iadd__": operator.add,
    "__isub__": operator.sub,
    "__imul__": operator.mul,
    "__itruediv__": operator.truediv,
    "__ipow__": operator.pow,
}.items():
    setattr(TracedArray, _name, _in_place(_name, _combine))
