"""What a standalone file carries along: these functions are copied into it as they are.

They need NumPy alone and know nothing of programs: `backward` is compared with central differences
of `forward`.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

import base64

import numpy as np

TOLERANCE = 1e-6
STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def decoded(text, dtype, shape):
    """The array whose bytes a text holds."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


def leaves_of(tree):
    """The arrays and numbers in nested dicts, lists and tuples, in order."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if not isinstance(tree, (list, tuple)):
        return [tree]
    return [leaf for part in tree for leaf in leaves_of(part)]


def floats_of(tree):
    """Those leaves that carry a gradient."""
    return [leaf for leaf in leaves_of(tree) if np.asarray(leaf).dtype.kind == "f"]


def leaf_at(tree, path):
    """The leaf that a path such as ("params", "W1") leads to."""
    return leaf_at(tree[path[0]], path[1:]) if path else tree


def moved(tree, path, step):
    """The same container with the leaf at a path moved by a step."""
    if not path:
        return tree + step
    parts = dict(tree) if isinstance(tree, dict) else list(tree)
    parts[path[0]] = moved(tree[path[0]], path[1:], step)
    return parts


def unit_steps(shape, random):
    """Steps of one entry each where there are few entries, else of all in random directions."""
    size = int(np.prod(shape))
    if size > 40:
        return [random.choice([-1.0, 1.0], size=shape) for _ in range(8)]
    return list(np.eye(size).reshape(size, *shape))


def central_slope(along, step):
    """The fourth-order central difference of along(t) at t = 0."""
    near, far = along(step) - along(-step), along(2 * step) - along(-2 * step)
    return (8 * near - far) / (12 * step)


def slope_at_zero(along):
    """The slope of along(t) at t = 0, and the lower and the higher of its one-sided slopes.

    Of the differences with several steps that one counts with which the next one agrees best: a
    long step suffers from curvature and kinks, a short one from rounding.
    """
    with np.errstate(all="ignore"):  # a long step may leave the function's domain
        slopes = [central_slope(along, step) for step in STEPS]
        gaps = np.abs(np.diff(slopes))
        here, step = along(0.0), STEPS[-1]
        sides = [(here - along(-step)) / step, (along(step) - here) / step]
    best = int(np.argmin(np.where(np.isfinite(gaps), gaps, np.inf)))
    return slopes[best], *sorted(sides)


def error_along(along, expected):
    """The relative error of a slope.

    None exactly on a kink, where it lies between the two one-sided slopes, and at the edge of the
    function's domain, where no slope can be measured.
    """
    slope, low, high = slope_at_zero(along)
    if np.isfinite(expected) and not np.isfinite(slope):
        return None
    floor = 1e-4 * (1 + abs(along(0.0)))
    error = abs(slope - expected) / (max(abs(slope), abs(expected)) + floor)
    kinked = high - low > 100 * TOLERANCE * (max(abs(low), abs(high)) + floor)
    if error > TOLERANCE and kinked and low - TOLERANCE <= expected <= high + TOLERANCE:
        return None
    return error


def variable_is_right(total, inputs, path, gradient, random):
    """Compare the gradient of one variable with differences; prints its row of the table."""
    shape = np.shape(leaf_at(inputs, path))
    if np.shape(gradient) != shape:
        print(f"the gradient has shape {np.shape(gradient)}, not {shape}: WRONG")
        return False

    def error_of(step):
        return error_along(lambda t: total(moved(inputs, path, t * step)), np.sum(gradient * step))

    try:
        errors = [error_of(step) for step in unit_steps(shape, random)]
    except ValueError as refusal:  # of a value declared to be a distribution, for example
        print(f"not checked, as it cannot be moved: {refusal}")
        return True
    worst = np.max([error for error in errors if error is not None], initial=0.0)
    what = "entries" if len(errors) == np.prod(shape) else "directions"
    kinks = f", {errors.count(None)} on a kink or an edge" if None in errors else ""
    told = f"{'x'.join(map(str, shape)) or 'number':<14} {len(errors):>3} {what:<11}"
    print(f"{told} {worst:.1e} {'right' if worst <= TOLERANCE else 'WRONG'}{kinks}")
    return worst <= TOLERANCE


def check(forward, backward, inputs, paths, cotangents, random):
    """Compare backward with differences of forward; prints a table, returns 0 if right, else 1.

    paths leads from the inputs to each variable, in the order of backward's results; cotangents
    names those that backward takes. Without any, the first output is the loss.
    """
    outputs = floats_of(forward(**inputs))
    weights = [random.normal(size=np.shape(out)) for out in outputs] if cotangents else [1.0]
    given = dict(zip(cotangents, weights, strict=False))
    gradients = leaves_of(backward(**inputs, **given))[-len(paths) :]

    def total(changed):
        pairs = zip(weights, floats_of(forward(**changed)), strict=False)
        return float(sum(np.sum(weight * out) for weight, out in pairs))

    rights = []
    print(f"{'variable':<16} {'shape':<14} {'checked':<15} largest error")
    for (name, path), gradient in zip(paths.items(), gradients, strict=True):
        print(f"{name:<16}", end=" ")
        rights.append(variable_is_right(total, inputs, path, gradient, random))
    print("the backward pass is right" if all(rights) else "the backward pass is WRONG")
    return 0 if all(rights) else 1
