"""What a traced argument will be: `"f4 N D"` is a float32 array with two named axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..avals import Aval, aval_of, dtype_code
from ..dims import parse_dim
from ..errors import UsageError

_DTYPES = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
_LIKE_A_DTYPE = re.compile(r"((float|double|int|uint|bool|complex)\d*|[fiubc]\d+)$")
_WEAK = {"float": float, "int": int, "bool": bool}


def aval_from_spec(spec: Any, argument: str) -> Aval:
    """The abstract value that a spec describes.

    Args:
        spec: "N D", "f4 N D", "i8 N", "" (a float64 scalar), "float" (a Python number whose
            value may vary from call to call), an Aval, or an example array or number.
        argument: The argument's name, for errors.

    Raises:
        UsageError: When it is none of these.
    """
    if isinstance(spec, Aval):
        return spec
    if isinstance(spec, np.ndarray | np.generic | bool | int | float):
        return aval_of(spec)
    if not isinstance(spec, str):
        raise UsageError(f"{argument}={spec!r} describes no array; write {argument}='f8 N D'.")
    words = spec.replace(",", " ").split()
    if len(words) == 1 and words[0] in _WEAK:
        return aval_of(_WEAK[words[0]](1))
    dtype = np.dtype("f8")
    if words and words[0] in _DTYPES:
        dtype = np.dtype(words.pop(0))
    elif words and _LIKE_A_DTYPE.match(words[0]):
        raise UsageError(
            f"{argument}={spec!r}: {words[0]!r} is not a dtype; allowed are "
            f"{', '.join(sorted(_DTYPES))}, such as {argument}='f4 N D'.{_meant(words[0])}"
        )
    shape = tuple(parse_dim(word) for word in words)
    if any(isinstance(dim, int) and dim < 0 for dim in shape):
        raise UsageError(f"{argument}={spec!r}: a length is below 0.")
    return Aval(dtype, shape)


def _meant(word: str) -> str:
    """' Did you mean ...?' with the code of a dtype that NumPy knows by this word."""
    try:
        code = dtype_code(np.dtype(word))
    except TypeError:
        return ""
    return f" Did you mean {code!r}?" if code in _DTYPES else ""
