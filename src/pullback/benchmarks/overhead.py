"""What an operation costs while it is traced, and what a call of a small gradient costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..compiling import compile as compiled
from ..differentiate import value_and_grad
from ..tracing import trace
from .crew import Crew, WorkerError
from .peers import OURS
from .results import Task, Timed
from .rounds import Effort

REPEATS = 25
OPERATIONS = 4 * REPEATS + 1
"""Of `chain`."""

TITLES = {
    "trace": f"one operation of {OPERATIONS} while traced",
    "replay": "one call of value and gradient of 16 x 4-8-2 tanh, float32",
}


def chain(numpy: Any) -> Callable[[Any], Any]:
    """x -> a number, by so many operations of a library that looks like NumPy."""

    def function(x: Any) -> Any:
        for _ in range(REPEATS):
            x = numpy.tanh(x * 0.5 + 1.0) - x
        return numpy.sum(x)

    return function


def network(numpy: Any) -> Callable[..., Any]:
    """The mean squared error of a small network with two weight matrices."""

    def function(W1: Any, W2: Any, x: Any, y: Any) -> Any:
        h = numpy.tanh(numpy.matmul(x, W1))
        return numpy.sum((numpy.matmul(h, W2) - y) ** 2)

    return function


def arrays() -> tuple[list[Any], Any]:
    """W1, W2, x, y of the network, and x of the chain; float32."""
    random = np.random.default_rng(0)
    shapes = [(4, 8), (8, 2), (16, 4), (16, 2)]
    return [random.standard_normal(s, np.float32) for s in shapes], np.ones(8, np.float32)


def measured(engine: str, seconds: float = 0.3) -> dict[str, float]:
    """Seconds of an operation while it is traced ("trace") and of a replay ("replay").

    Each is the least time of a call among those of `seconds` seconds.
    """
    calls = PARTS[engine]()
    return {
        "trace": _least(calls["trace"], seconds) / OPERATIONS,
        "replay": _least(calls["replay"], seconds),
    }


def tasks_of() -> dict[str, Task]:
    """What is measured, and nothing measured yet: the part of a worker's answer -> the task."""
    return {part: Task(f"overhead-{part}", title, "call") for part, title in TITLES.items()}


def measure(
    crew: Crew,
    engines: Sequence[str],
    effort: Effort,
    on_round: Callable[[str], None] = lambda text: None,
    keep: Callable[[Task], None] = lambda task: None,
) -> None:
    """Two tasks, given to `keep` before their first rounds; arguments as `rounds.measure`.

    A call of a few values gains nothing from threads, so each library has one.
    """
    tasks = tasks_of()
    able = [engine for engine in engines if engine in PARTS]
    for task in tasks.values():
        keep(task)
    for number in range(effort.rounds):
        on_round(f"overhead: round {number + 1} of {effort.rounds}")
        for engine in list(able):
            try:
                told = crew.member(engine, 0 if engine in OURS else 1).ask("overhead")
            except WorkerError as error:
                able.remove(engine)
                for task in tasks.values():
                    (task.problems if engine in OURS else task.notes).append(str(error))
                continue
            for part, task in tasks.items():
                found = [timed for timed in task.engines if timed.engine == engine]
                if not found:
                    found = [Timed(engine, told["version"])]
                    task.engines += found
                found[0].rounds.append(told[part])


def _least(call: Callable[[], Any], seconds: float) -> float:
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - started)
    return best


def _ours(engine: str) -> dict[str, Callable[[], Any]]:
    values, _ = arrays()
    shapes = {"W1": "f4 D H", "W2": "f4 H C", "x": "f4 N D", "y": "f4 N C"}
    program = trace(network(np), **shapes)
    gradient = value_and_grad(program, wrt=["W1", "W2"])
    replay = compiled(gradient, engine=engine)
    return {
        "trace": lambda: trace(chain(np), x="f4 N"),
        "replay": lambda: replay(*values),
    }


def _jax() -> dict[str, Callable[[], Any]]:
    import jax
    import jax.numpy as jnp

    values, x = arrays()
    replay = jax.jit(jax.value_and_grad(network(jnp), argnums=(0, 1)))
    return {
        # A function is traced anew only when it is another one.
        "trace": lambda: jax.make_jaxpr(chain(jnp))(x),
        "replay": lambda: jax.block_until_ready(replay(*values)),
    }


def _autograd() -> dict[str, Callable[[], Any]]:
    import autograd.numpy as anp
    from autograd import make_vjp
    from autograd import value_and_grad as taped

    values, x = arrays()
    traced = make_vjp(chain(anp))
    replay = taped(network(anp), argnum=(0, 1))
    return {"trace": lambda: traced(x), "replay": lambda: replay(*values)}


def _pytorch() -> dict[str, Callable[[], Any]]:
    import torch

    values, x = arrays()
    tensors = [torch.from_numpy(value) for value in values]
    weights = [tensor.requires_grad_() for tensor in tensors[:2]]
    recorded = torch.from_numpy(x).requires_grad_()
    forward, loss_of = chain(torch), network(torch)

    def replay() -> Any:
        loss = loss_of(*tensors)
        return loss, torch.autograd.grad(loss, weights)

    return {"trace": lambda: forward(recorded), "replay": replay}


PARTS: Mapping[str, Callable[[], dict[str, Callable[[], Any]]]] = {
    "native": lambda: _ours("native"),
    "reference": lambda: _ours("reference"),
    "pytorch": _pytorch,
    "jax": _jax,
    "autograd": _autograd,
}
"""Engine -> what is called to trace the chain, and to replay the gradient."""
