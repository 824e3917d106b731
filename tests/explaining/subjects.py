"""What the page is tested on: the notes' network, one of training, functions of a user's own."""

from functools import cache

import networks
import numpy as np

import pullback as pb
from pullback.explaining import subject_at
from pullback.explaining.notes import notes_subject
from pullback.explaining.trained import trained_subject


@cache
def subject_of(name):
    """A subject by name; each is derived once."""
    return SUBJECTS[name]()


def trained():
    """BatchNorm, dropout and a penalty, after no step."""
    random = np.random.default_rng(0)
    net = pb.nn.Sequential(
        pb.nn.Dense(3), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dropout(0.2), pb.nn.Dense(2)
    )
    X, labels = random.normal(size=(12, 4)), np.arange(12) % 2
    ready = pb.training.prepare(
        net, X, labels, batch_size=6, penalty=pb.losses.L2(0.01), optimizer=pb.optim.Adam()
    )
    return trained_subject(ready, ready.problem.params, rows=6)


def moved(x):
    """Values that only move entries have no box of their own.

    JavaScript has a `constructor` in every object.
    """
    pair = np.stack([x, 2 * x])
    constructor = np.reshape(pair, (2, 2, 6)).transpose((1, 0, 2))
    return np.sum(np.reshape(constructor, (4, 6)) ** 3)


SUBJECTS = {
    "notes": notes_subject,
    "two_layer": lambda: subject_at(networks.two_layer, (), networks.VALUES, wrt=["W1", "W2"]),
    "forked": lambda: subject_at(networks.forked, (), networks.VALUES, wrt=["W1", "W2"]),
    "shared": lambda: subject_at(networks.shared, (), networks.SHARED, wrt=["W", "W_out"]),
    "vector": lambda: subject_at(networks.layer, (networks.SHARED["x"], networks.SHARED["W"])),
    "moved": lambda: subject_at(moved, (np.arange(12.0).reshape(3, 4),)),
    "trained": trained,
}
