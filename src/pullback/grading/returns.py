"""What a backward pass returned, matched with the inputs whose gradients it holds.

Understood are one array, a tuple or list in the order of the inputs, and dicts whose keys name
the inputs (dW1, grad_W1, W1_grad, W1), nested as the inputs are or flat. Fewer results than
inputs belong to those that `wrt` names, else to those whose shapes they can only have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError, nearest
from ..program import Var
from ..trees import flatten
from .point import Point, Wrt

SPELLINGS = (
    "{}",
    "d{}",
    "d_{}",
    "grad_{}",
    "grad{}",
    "g_{}",
    "dL_d{}",
    "dLd{}",
    "dloss_d{}",
    "dL/d{}",
    "{}_grad",
    "{}_bar",
)
"""How the gradient of an input may be named, the input's own name first."""

Path = tuple[str | int, ...]


class UnmatchedError(UsageError):
    """It is not clear which inputs the returned arrays belong to.

    Attributes:
        suggestion: Names for `wrt` that may be meant.
    """

    suggestion: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Matched:
    """The returned arrays by input.

    Attributes:
        wanted: The inputs that are graded, in order.
        arrays: What was returned for each of them; one may be missing.
        places: Where each stood in what was returned: a path of keys and positions.
        ignored: Names that were returned and belong to no input.
    """

    wanted: tuple[Var, ...]
    arrays: Mapping[Var, Any]
    places: Mapping[Var, Path]
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Leaf:
    path: Path
    value: Any


def match(point: Point, returned: Any, wrt: Wrt = None) -> Matched:
    """Which input each returned array is the gradient of.

    Args:
        point: Where the backward pass was called.
        returned: What it returned.
        wrt: Names of the inputs that it returns gradients of, in this order.

    Raises:
        UnmatchedError: When the inputs cannot be told; names the `wrt` to write.
        UsageError: When it returned something else than numbers, or `wrt` names no input.
    """
    wanted = point.wanted(wrt)
    leaves = _leaves(returned)
    if all(leaf.value is None for leaf in leaves):
        raise _nothing_found(point, [])
    named = [leaf for leaf in leaves if any(isinstance(key, str) for key in leaf.path)]
    in_order = [leaf for leaf in leaves if leaf not in named]
    found, ignored = _by_name(point, named)
    in_order = _without_loss(point, in_order, bool(named), len(wanted))
    rest = [var for var in wanted if var not in found]
    if in_order:
        found |= _by_order(point, in_order, rest, wrt is not None)
    found = {var: leaf for var, leaf in found.items() if leaf.value is not None}
    graded = wanted if wrt is not None else tuple(var for var in wanted if var in found)
    if not any(var in found for var in graded):
        raise _nothing_found(point, ignored)
    _refuse_misspelt(point, [var for var in point.floating if var not in found], ignored)
    return Matched(
        graded,
        {var: np.asarray(found[var].value) for var in graded if var in found},
        {var: found[var].path for var in graded if var in found},
        tuple(ignored),
    )


def spelled(name: str) -> set[str]:
    """The names under which the gradient of an input may be returned."""
    return {form.format(name) for form in SPELLINGS}


def _leaves(returned: Any) -> list[_Leaf]:
    if isinstance(returned, dict):
        returned = {key: _list_as_array(value) for key, value in returned.items()}
    elif isinstance(returned, tuple | list):
        returned = tuple(map(_list_as_array, returned))
    values, structure = flatten(returned)
    for value in values:
        if value is not None:
            _refuse_unless_numbers(value)
    return [_Leaf(p, value) for p, value in zip(structure.paths(), values, strict=True)]


def _list_as_array(value: Any) -> Any:
    """A list of Python numbers inside what was returned is an array: dW1.tolist()."""
    if not isinstance(value, list) or not value:
        return value
    plain = all(type(leaf) in (int, float) for leaf in flatten(value)[0])
    try:
        return np.array(value, dtype=float) if plain else value
    except ValueError:  # rows of several lengths
        return value


def _by_name(point: Point, leaves: list[_Leaf]) -> tuple[dict[Var, _Leaf], list[str]]:
    found: dict[Var, _Leaf] = {}
    ignored: list[str] = []
    for leaf in leaves:
        candidates = _candidates(point, leaf.path)
        text = "".join(f"[{key!r}]" for key in leaf.path)
        if len(candidates) > 1:
            raise UnmatchedError(
                f"{text} of what the backward returned may be the gradient of "
                f"{' or '.join(point.path(var) for var in candidates)}; nest it as the inputs are."
            )
        if not candidates:
            ignored.append(text)
        elif candidates[0] in found:
            raise UnmatchedError(
                f"The backward returned two gradients of {point.path(candidates[0])}."
            )
        else:
            found[candidates[0]] = leaf
    return found, ignored


def _refuse_misspelt(point: Point, lacking: Sequence[Var], ignored: Sequence[str]) -> None:
    """Refuse a key that names an input but for capital letters: it must not go ungraded."""
    for var in lacking:
        names = {name.casefold(): name for name in spelled(point.path(var))}
        for key in ignored:
            meant = names.get(key[2:-2].casefold())
            if meant is not None:
                raise UnmatchedError(f"{key} names no input. Did you mean {meant!r}?")


def _candidates(point: Point, path: Path) -> list[Var]:
    """The inputs that keys may name; what stands before, such as "grads", may name none."""
    for start in range(len(path)):
        for is_of in (_is_path_of, _is_gradient_path_of):
            found = [var for var in point.floating if is_of(point, var, path[start:])]
            if found:
                return found
    return []


def _is_path_of(point: Point, var: Var, path: Path) -> bool:
    """Whether keys name an input exactly: W1, params/W1, or its name in the program."""
    return any(path == form for form in _paths_of(point, var))


def _is_gradient_path_of(point: Point, var: Var, path: Path) -> bool:
    return any(
        len(path) == len(form)
        and all(
            given == own or (isinstance(own, str) and given in spelled(own))
            for given, own in zip(path, form, strict=True)
        )
        for form in _paths_of(point, var)
    )


def _paths_of(point: Point, var: Var) -> Iterator[Path]:
    """The paths that reach an input: the whole one, and each end of it that begins with a name."""
    whole = _keys(point.path(var))
    for start, key in enumerate(whole):
        if isinstance(key, str):
            yield whole[start:]
    yield (point.forward.names[var],)


def _keys(path: str) -> Path:
    """params['W1'][0] as ("params", "W1", 0)."""
    name, bracket, rest = path.partition("[")
    if not bracket:
        return (name,)
    keys = rest[:-1].split("][")
    return (name, *(key[1:-1] if key[0] in "'\"" else int(key) for key in keys))


def _without_loss(point: Point, leaves: list[_Leaf], named: bool, wanted: int) -> list[_Leaf]:
    """Without the value of the forward pass, which some return before the gradients."""
    if not leaves or not (named or len(leaves) == wanted + 1):
        return leaves
    first = leaves[0].value
    is_loss = np.ndim(first) == 0 and isinstance(first, float | np.floating)
    return leaves[1:] if is_loss and np.isclose(first, point.loss) else leaves


def _by_order(
    point: Point, leaves: list[_Leaf], wanted: Sequence[Var], told: bool
) -> dict[Var, _Leaf]:
    every = point.leaves
    if len(leaves) == len(wanted):
        return dict(zip(wanted, leaves, strict=True))
    if not told and len(leaves) == len(every):
        pairs = zip(every, leaves, strict=True)
        return {var: leaf for var, leaf in pairs if var is not None and var in wanted}
    if told or len(leaves) > len(wanted):
        names = ", ".join(point.path(var) for var in wanted)
        what = "wrt names" if told else f"{point.forward.name} has the floating inputs"
        raise UnmatchedError(f"The backward returned {_count(leaves)}, but {what} {names}.")
    return _by_shape(point, leaves, wanted)


def _by_shape(point: Point, leaves: list[_Leaf], wanted: Sequence[Var]) -> dict[Var, _Leaf]:
    """The only inputs, in order, whose shapes the results have; else those with like shapes."""
    shapes = [np.shape(leaf.value) for leaf in leaves]
    for fits in (_same_shape, _like_shape):
        ways = _ways(shapes, [np.shape(point.inputs[var]) for var in wanted], fits)
        if len(ways) == 1:
            return {wanted[k]: leaf for k, leaf in zip(ways[0], leaves, strict=True)}
        if ways:
            break
        in_any_order = _only_one_each(shapes, wanted, point) if fits is _same_shape else None
        if in_any_order is not None:
            return dict(zip(in_any_order, leaves, strict=True))
    guess = ways[-1] if ways else tuple(range(len(wanted) - len(leaves), len(wanted)))
    names = tuple(point.path(wanted[k]) for k in guess)
    told = ", ".join(f'"{name}"' for name in names)
    inputs = ", ".join(f"{point.path(var)} {np.shape(point.inputs[var])}" for var in wanted)
    reason = "their shapes fit several" if ways else "their shapes do not tell"
    error = UnmatchedError(
        f"The backward returned {_count(leaves)} of shape {', '.join(map(str, shapes))} for the "
        f"inputs {inputs}, and {reason}: say which they belong to, such as wrt=[{told}]."
    )
    error.suggestion = names
    raise error


def _only_one_each(shapes: Sequence[Any], wanted: Sequence[Var], point: Point) -> list[Var] | None:
    """The inputs of these shapes, where each is that of one input only; in any order."""
    having = [[var for var in wanted if np.shape(point.inputs[var]) == shape] for shape in shapes]
    only = [inputs[0] for inputs in having if len(inputs) == 1]
    return only if len(set(only)) == len(shapes) else None


def _ways(
    shapes: Sequence[Any], inputs: Sequence[Any], fits: Callable[[Any, Any], bool]
) -> list[tuple[int, ...]]:
    """The first and the last way to give the results, in order, inputs that fit.

    They are one where there is one way only; all ways could be more than memory holds.
    """
    first = _first_way(shapes, inputs, fits)
    from_behind = _first_way(shapes[::-1], inputs[::-1], fits)
    if first is None or from_behind is None:
        return []
    last = tuple(len(inputs) - 1 - k for k in reversed(from_behind))
    return [first] if first == last else [first, last]


def _first_way(
    shapes: Sequence[Any], inputs: Sequence[Any], fits: Callable[[Any, Any], bool]
) -> tuple[int, ...] | None:
    way: list[int] = []
    for shape in shapes:
        start = way[-1] + 1 if way else 0
        fitting = (k for k in range(start, len(inputs)) if fits(shape, inputs[k]))
        place = next(fitting, None)
        if place is None:
            return None
        way.append(place)
    return tuple(way)


def _same_shape(shape: Any, wanted: Any) -> bool:
    return bool(shape == wanted)


def _like_shape(shape: Any, wanted: Any) -> bool:
    """Whether it is the wanted shape transposed, with axes of length one, or not yet summed."""
    sizes = [sorted(dim for dim in each if dim != 1) for each in (shape, wanted)]
    return sizes[0] == sizes[1] or shape[1:] == wanted


def _count(leaves: list[_Leaf]) -> str:
    return "one array" if len(leaves) == 1 else f"{len(leaves)} arrays"


def _nothing_found(point: Point, ignored: list[str]) -> UsageError:
    known = ", ".join(point.path(var) for var in point.floating)
    if not ignored:
        return UsageError(
            "The backward returned nothing; it must return the gradients of its floating inputs "
            f"({known})."
        )
    hint = nearest(ignored[0][2:-2], [f"d{point.path(var)}" for var in point.floating])
    return UnmatchedError(
        f"No key of what the backward returned ({', '.join(ignored)}) names an input; there are "
        f"{known}.{hint}"
    )


def _refuse_unless_numbers(value: Any) -> None:
    try:
        dtype = np.asarray(value).dtype
    except ValueError:
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise UsageError(
            f"The backward returned a {type(value).__name__} of dtype {dtype}; allowed are real "
            "numbers and arrays of them, in tuples, lists and dicts."
        )
