"""Returns a value that lies in more containers than arguments do."""


def backward(*args, **rest):
    result = 1
    for _ in range(12):
        result = {"k": result}
    return result
