"""Returns a list that holds itself."""


def backward(**rest):
    result = []
    result.append(result)
    return result
