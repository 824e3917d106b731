"""NumPy functions that emitted source carries along: what NumPy itself does not have.

Each is complete in itself, since its text is copied above the emitted function.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)), without overflow on either side."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def quotient(t, top, bottom):  # type: ignore[no-untyped-def]
    """Two polynomials in t, highest power first, one divided by the other."""
    p, q = top[0], bottom[0]
    for a in top[1:]:
        p = p * t + a
    for b in bottom[1:]:
        q = q * t + b
    return p / q


def erf_near_zero(x):  # type: ignore[no-untyped-def]
    """erf(x) for |x| <= 0.46875; W. J. Cody, Mathematics of Computation 23 (1969)."""
    top = [0.185777706184603153, 3.16112374387056560, 113.864154151050156]
    top += [377.485237685302021, 3209.37758913846947]
    bottom = [1.0, 23.6012909523441209, 244.024637934444173, 1282.61652607737228]
    bottom += [2844.23683343917062]
    x = np.clip(x, -0.5, 0.5)
    return x * quotient(np.square(x), top, bottom)  # type: ignore[no-untyped-call]


def erfc(x):  # type: ignore[no-untyped-def]
    """1 - erf(x), all digits of which are right where it is small too (Cody, 1969)."""
    y = np.clip(np.abs(x), 0.46875, 30.0)
    top = [2.15311535474403846e-8, 0.564188496988670089, 8.88314979438837594]
    top += [66.1191906371416295, 298.635138197400131, 881.952221241769090]
    top += [1712.04761263407058, 2051.07837782607147, 1230.33935479799725]
    bottom = [1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858]
    bottom += [1621.38957456669019, 3290.79923573345963, 4362.61909014324716]
    bottom += [3439.36767414372164, 1230.33935480374942]
    up_to_four = quotient(y, top, bottom)  # type: ignore[no-untyped-call]
    top = [0.0163153871373020978, 0.305326634961232344, 0.360344899949804439]
    top += [0.125781726111229246, 0.0160837851487422766, 0.000658749161529837803]
    bottom = [1.0, 2.56852019228982242, 1.87295284992346725, 0.527905102951428412]
    bottom += [0.0605183413124413191, 0.00233520497626869185]
    s = 1 / np.square(y)
    beyond = (0.56418958354775629 - s * quotient(s, top, bottom)) / y  # type: ignore[no-untyped-call]
    coarse = np.floor(16 * y) / 16  # its square is exact, so exp(-y^2) keeps its digits
    decay = np.exp(-coarse * coarse) * np.exp((coarse - y) * (coarse + y))
    tail = decay * np.where(y <= 4, up_to_four, beyond)
    near = 1 - erf_near_zero(x)  # type: ignore[no-untyped-call]
    return np.where(np.abs(x) <= 0.46875, near, np.where(x > 0, tail, 2 - tail))


def erf(x):  # type: ignore[no-untyped-def]
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    near, far = erf_near_zero(x), 1 - erfc(np.abs(x))  # type: ignore[no-untyped-call]
    return np.where(np.abs(x) <= 0.46875, near, np.where(x < 0, -far, far))[()]


def normal_cdf(x):  # type: ignore[no-untyped-def]
    """The probability that a standard normal number is at most x."""
    return 0.5 * erfc(-0.70710678118654752 * x)  # type: ignore[no-untyped-call]


def leaky_relu(x, slope):  # type: ignore[no-untyped-def]
    """x where it is positive, else slope * x."""
    return np.where(x > 0, x, slope * x)[()]


def elu(x, alpha):  # type: ignore[no-untyped-def]
    """x where it is positive, else alpha * (exp(x) - 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))[()]


def silu(x):  # type: ignore[no-untyped-def]
    """x * sigmoid(x); 0 at minus infinity."""
    return np.maximum(x, -1000.0) * sigmoid(x)  # type: ignore[no-untyped-call]


def gelu(x):  # type: ignore[no-untyped-def]
    """x * normal_cdf(x); 0 at minus infinity."""
    return np.maximum(x, -40.0) * normal_cdf(x)  # type: ignore[no-untyped-call]


def gelu_tanh(x):  # type: ignore[no-untyped-def]
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))); 0 at minus infinity."""
    c = np.clip(x, -30.0, 30.0)  # beyond, the tanh is -1 or 1
    gate = sigmoid(1.5957691216057308 * c * (1 + 0.044715 * c * c))  # type: ignore[no-untyped-call]
    return np.maximum(x, -30.0) * gate


def softmax(z, axis):  # type: ignore[no-untyped-def]
    """exp(z) / sum(exp(z)) along an axis; shifted by the maximum, so it cannot overflow."""
    z = np.minimum(z, np.finfo(np.result_type(z, 1.0)).max)  # since inf - inf is no number
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def log_softmax(z, axis):  # type: ignore[no-untyped-def]
    """log(softmax(z)) along an axis, exact where softmax rounds to 0."""
    z = np.minimum(z, np.finfo(np.result_type(z, 1.0)).max)  # since inf - inf is no number
    shifted = z - np.max(z, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def logsumexp(z, axis, keepdims):  # type: ignore[no-untyped-def]
    """log(sum(exp(z))) along an axis; shifted by the maximum, so it cannot overflow."""
    top = np.max(z, axis=axis, keepdims=True)
    out = top + np.log(np.sum(np.exp(z - top), axis=axis, keepdims=True))
    return out if keepdims else np.squeeze(out, axis=axis)


def threefry(k0, k1, c0, c1):  # type: ignore[no-untyped-def]
    """The Threefry-2x32-20 cipher: a counter of two uint32 words under a key of two."""
    keys = (k0, k1, k0 ^ k1 ^ np.uint32(0x1BD11BDA))
    x0, x1 = c0 + k0, c1 + k1
    for number in range(20):
        turn = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        x0 = x0 + x1
        x1 = ((x1 << np.uint32(turn)) | (x1 >> np.uint32(32 - turn))) ^ x0
        if number % 4 == 3:
            injection = number // 4 + 1
            x0 = x0 + keys[injection % 3]
            x1 = x1 + keys[(injection + 1) % 3] + np.uint32(injection)
    return x0, x1


def random_uniform(seed, step, first_row, operation, shape, dtype):  # type: ignore[no-untyped-def]
    """Numbers in [0, 1) that depend on seed, step, operation and each entry's place alone."""
    entries = int(np.prod(shape))
    place = np.arange(entries, dtype=np.uint64)
    place += np.uint64(first_row * (entries // max(shape[0], 1) if shape else 1))
    seed0, seed1, counter0, counter1 = (
        np.array([word % 2**32], np.uint32) for word in (seed, seed // 2**32, step, operation)
    )
    k0, k1 = threefry(seed0, seed1, counter0, counter1)  # type: ignore[no-untyped-call]
    c0, c1 = place.astype(np.uint32), (place >> np.uint64(32)).astype(np.uint32)
    high, low = threefry(k0, k1, c0, c1)  # type: ignore[no-untyped-call]
    if dtype == np.float32:
        return ((high >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)).reshape(shape)
    bits = (high.astype(np.uint64) << np.uint64(21)) | (low >> np.uint32(11))
    return (bits * 2.0**-53).astype(dtype).reshape(shape)


def product_of_others(x):  # type: ignore[no-untyped-def]
    """For each entry the product of all other entries of its row, right for zeros too."""
    ones = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return before * after


def with_item(x, index, value):  # type: ignore[no-untyped-def]
    """A copy of x in which x[index] is value."""
    out = np.array(x)
    out[index] = value
    return out


def placed(value, index, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value at index (a slice)."""
    out = np.zeros(shape, value.dtype)
    out[index] = value
    return out


def scatter_add(value, index, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value added at index, once for each time an entry is named."""
    out = np.zeros(shape, value.dtype)
    np.add.at(out, index, value)
    return out


def scatter_along_axis(value, indices, axis, shape):  # type: ignore[no-untyped-def]
    """Zeros of a shape, with value added where `np.take_along_axis` reads."""
    out = np.zeros(shape, value.dtype)
    index = list(np.indices(indices.shape, sparse=True))
    index[axis] = indices
    np.add.at(out, tuple(index), value)
    return out
