"""Arrays in a block of memory, made without a check or a count: one address and some lengths."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

__all__ = [
    "b1_array",
    "f4_array",
    "f8_array",
    "flat_from",
    "i4_array",
    "i8_array",
    "may_overlap",
    "rows_from",
    "same_entries",
    "u4_array",
]

Array = np.ndarray[Any, Any]
Maker = Callable[[Array, int, tuple[int, ...]], Array]


def at_address(address: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """The array that begins at an address; what it lies in must outlive it."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory: Any = (ctypes.c_char * size).from_address(address)
    return np.ndarray(shape, dtype, memory)


def _maker(code: str) -> Maker:
    dtype = np.dtype(code)

    def array(memory: Array, begin: int, shape: tuple[int, ...]) -> Array:
        # By address, since it may begin before the memory: rows of it that are not there are
        # not looked at.
        return at_address(memory.ctypes.data + int(begin), shape, dtype)

    array.__name__ = array.__qualname__ = f"{code}_array"
    array.__doc__ = f"An array of {code} that begins at a byte of the memory."
    return array


f4_array, f8_array = _maker("f4"), _maker("f8")
i4_array, i8_array = _maker("i4"), _maker("i8")
b1_array, u4_array = _maker("b1"), _maker("u4")


def flat_from(array: Array, row: int) -> Array:
    """All entries from a row on as a vector, without a copy."""
    return array[row:].reshape(-1)


def same_entries(array: Array, shape: tuple[int, ...]) -> Array:
    """An array, or what it begins with, under another shape, without a copy."""
    return at_address(array.ctypes.data, shape, array.dtype)


def rows_from(array: Array, start: int) -> Array:
    """The rows of an array from one on, without a copy."""
    return array[start:]


def may_overlap(function: Callable[..., None]) -> Callable[..., None]:
    """Marks a function whose arrays may share memory; see `machine`."""
    vars(function)["may_overlap"] = True
    return function


@cache
def machine_forms() -> dict[str, Any]:
    """These functions for compiled code, by their names: written out where they are called.

    A function of Numba's own kind could not return a new array where no references are counted.
    """
    from numba.extending import intrinsic
    from numba.np.numpy_support import from_dtype

    cgutils: Any = import_module("numba.core.cgutils")
    types: Any = import_module("numba.core.types")
    populate_array: Any = import_module("numba.np.arrayobj").populate_array

    def filled(context: Any, builder: Any, array_type: Any, data: Any, shape: list[Any]) -> Any:
        """An array of these lengths in row order."""
        itemsize = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        size = context.get_constant(types.intp, itemsize)
        strides, stride = [], size
        for length in reversed(shape):
            strides.append(stride)
            stride = builder.mul(stride, length)
        array = context.make_array(array_type)(context, builder)
        target = context.get_data_type(types.CPointer(array_type.dtype))
        populate_array(
            array,
            data=builder.bitcast(data, target),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides[::-1]),
            itemsize=size,
            meminfo=None,
        )
        return array._getvalue()

    def array_of(dtype: Any) -> Any:
        @intrinsic
        def at(typing: Any, memory: Any, begin: Any, shape: Any) -> Any:
            array_type = types.Array(dtype, len(shape), "C")

            def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
                block = context.make_array(signature.args[0])(context, builder, args[0])
                data = builder.gep(block.data, [args[1]])
                return filled(
                    context, builder, array_type, data, cgutils.unpack_tuple(builder, args[2])
                )

            wide = types.UniTuple(types.intp, len(shape))
            return array_type(memory, types.intp, wide), code

        return at

    @intrinsic
    def rows_after(typing: Any, array: Any, start: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            whole = context.make_array(array)(context, builder, args[0])
            shape = cgutils.unpack_tuple(builder, whole.shape)
            strides = cgutils.unpack_tuple(builder, whole.strides)
            begin = builder.mul(args[1], strides[0])
            bytes_ = builder.bitcast(whole.data, cgutils.voidptr_t)
            data = builder.gep(bytes_, [begin])
            lengths = [builder.sub(shape[0], args[1]), *shape[1:]]
            return filled(context, builder, array, data, lengths)

        return array(array, types.intp), code

    @intrinsic
    def flattened(typing: Any, array: Any, row: Any) -> Any:
        array_type = types.Array(array.dtype, 1, "C")

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            whole = context.make_array(array)(context, builder, args[0])
            lengths = cgutils.unpack_tuple(builder, whole.shape)
            stride = cgutils.unpack_tuple(builder, whole.strides)[0]
            bytes_ = builder.bitcast(whole.data, cgutils.voidptr_t)
            data = builder.gep(bytes_, [builder.mul(args[1], stride)])
            entries = builder.sub(lengths[0], args[1])
            for length in lengths[1:]:
                entries = builder.mul(entries, length)
            return filled(context, builder, array_type, data, [entries])

        return array_type(array, types.intp), code

    @intrinsic
    def reshaped(typing: Any, array: Any, shape: Any) -> Any:
        array_type = types.Array(array.dtype, len(shape), "C")

        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            before = context.make_array(array)(context, builder, args[0])
            data = builder.bitcast(before.data, cgutils.voidptr_t)
            lengths = cgutils.unpack_tuple(builder, args[1])
            return filled(context, builder, array_type, data, lengths)

        return array_type(array, types.UniTuple(types.intp, len(shape))), code

    codes = {"f4": "f4", "f8": "f8", "i4": "i4", "i8": "i8", "b1": "?", "u4": "u4"}
    forms = {f"{code}_array": array_of(from_dtype(np.dtype(kind))) for code, kind in codes.items()}
    return forms | {"rows_from": rows_after, "flat_from": flattened, "same_entries": reshaped}
