"""Returns a list that holds itself."""


def backward(*args, **rest):
    result = []
    result.append(result)
    return result
