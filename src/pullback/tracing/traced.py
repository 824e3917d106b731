"""Traced values: what a user's function sees in place of arrays."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..avals import Aval, Dtype
from ..dims import product
from ..errors import at, refuse, user_location
from ..primitive import Literal, Primitive
from ..program import Atom
from .sizes import as_size

if TYPE_CHECKING:
    from .builder import Builder


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
        self.is_scalar = atom.aval.ndim == 0
        """Whether it is one of NumPy's scalars, which `+=` replaces instead of changing."""
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

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)

    def __format__(self, spec: str) -> str:
        if not spec:
            return repr(self)
        return format(self._value_for("A number in a format string"), spec)

    def __round__(self, digits: Any = None) -> NoReturn:
        refuse("round() has no gradient; round what the function returns.")

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
        from .numpy_functions import METHODS, call_method

        if name in METHODS:
            return lambda *args, **kwargs: call_method(name, (self, *args), kwargs)
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
        if value.builder is not self.builder:
            refuse(
                "This writes a value of an inner derivative into an array of the function around "
                "it; return the value from the inner function instead."
            )
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
        return combine(self, other) if self.is_scalar else on_array(self, other)

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
