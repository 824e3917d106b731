"""A process that trains natively until Ctrl-C: prints when it begins and how it ended."""

import time
import warnings

import numpy as np

import pullback as pb

ADAM = pb.optim.Adam(0.01)


def network(units=16):
    """Two hidden layers; machine code does not depend on their sizes."""
    hidden = [pb.nn.Dense(units), pb.nn.ReLU(), pb.nn.Dense(units), pb.nn.ReLU()]
    return pb.nn.Sequential(*hidden, pb.nn.Dense(3))


def data(rows, columns=8):
    """Random rows and labels."""
    random = np.random.default_rng(3)
    return random.normal(size=(rows, columns)), random.integers(0, 3, rows)


def main():
    x, y = data(20_000, 64)
    # About a minute of work.
    run = pb.training.prepare(
        network(1024), x, y, engine="native", epochs=1, batch_size=1, optimizer=ADAM
    )
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        print("begins", run.engine, flush=True)  # it is compiled here
        start = time.perf_counter()
        ended = run.run().ended
    print(f"{ended}: {time.perf_counter() - start:.3f}", flush=True)


if __name__ == "__main__":
    main()
