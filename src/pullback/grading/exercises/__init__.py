"""Exercises: a forward pass, inputs for it, and an empty backward pass to be written.

Each module here is the very file that a learner gets. Its solution is nowhere written by hand: it
is the derived backward pass, as `Program.to_numpy` emits it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.resources import files
from types import ModuleType

from ...differentiate import grad
from ...errors import UsageError, nearest
from ...tracing import trace


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes:
        name: What it is called on the command line.
        module: The module whose text is the learner's file; its list `wrt` says which gradients
            are wanted.
    """

    name: str
    module: str

    @property
    def file(self) -> str:
        """The name of the learner's file."""
        return f"{self.module}.py"

    def text(self) -> str:
        """The learner's file."""
        return files(__name__).joinpath(self.file).read_text(encoding="utf-8")

    def load(self) -> ModuleType:
        """The file as a module of its own: `forward`, `wrt`, `example_inputs`, `backward`."""
        module = ModuleType(self.module)
        # Under the learner's file name, so that its variables count as those of a user.
        exec(compile(self.text(), self.file, "exec"), vars(module))
        return module

    def solution(self) -> str:
        """The derived backward pass as NumPy source: a function `backward`."""
        own = self.load()
        program = grad(trace(own.forward, **own.example_inputs()), wrt=own.wrt)
        source = replace(program, name="backward").to_numpy()
        return f'"""The backward pass of {self.file}, as Pullback derives it."""\n\n{source}'


EXERCISES = {
    exercise.name: exercise
    for exercise in (
        Exercise("two-layer", "two_layer"),
        Exercise("softmax", "softmax"),
        Exercise("batchnorm", "batchnorm"),
        Exercise("shared", "shared"),
    )
}
"""Every exercise by name."""


def exercise_named(name: str) -> Exercise:
    """The exercise with this name; raises `UsageError` when there is none."""
    if name not in EXERCISES:
        known = ", ".join(EXERCISES)
        raise UsageError(
            f"There is no exercise {name!r}; there are {known}.{nearest(name, list(EXERCISES))}"
        )
    return EXERCISES[name]
