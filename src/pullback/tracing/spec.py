"""What a traced argument will be: `"f4 N D"` is a float32 array with two named axes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ..avals import Aval, aval_of
from ..dims import parse_dim
from ..errors import UsageError

_DTYPE = re.compile(r"[fiub][1248]$")
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
    if words and _DTYPE.match(words[0]):
        dtype = np.dtype(words.pop(0))
    return Aval(dtype, tuple(parse_dim(word) for word in words))
