"""Returns more values than anybody could have gradients."""


def backward(*args, **rest):
    return {f"k{number}": 1 for number in range(600)}
