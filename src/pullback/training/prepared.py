"""Training in two parts: everything that is known before the first step, and the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..checking import GradientCheck, check_gradients
from ..data.labels import Classes
from ..differentiate import value_and_grad
from ..engines.blas import one_blas_thread
from ..engines.choice import AUTO, ENGINES, NATIVE, native_executable
from ..engines.reference import executable
from ..errors import PullbackError, UsageError
from ..lazy import cached_property
from ..models import Model
from ..models.model import layer_names
from ..program import Program
from . import settings as checks
from .callbacks import Callback, EarlyStopping, as_callbacks
from .checkpoint import fingerprint, load_checkpoint, restore
from .engine import (
    checked_engine,
    engine_of,
    engine_source,
    evaluated_by,
    native_flat,
    steps_of,
)
from .history import History
from .keeper import Keeper
from .loop import Training
from .plan import Plan
from .programs import Problem
from .run import Run
from .solve import solve
from .steps import Stepper


@dataclass(frozen=True)
class Prepared:
    """A training run before its first step: all settings checked, the step derived.

    Attributes:
        problem: Network, loss, update rule and initial values.
        plan: The rows, how they are visited, and for how long.
        classes: The labels; None where targets are numbers.
        scale: How inputs are scaled; None for not at all.
        given: Every setting, defaults included (plain data); the engine as it was asked for.
        info: What the model keeps beside (plain data).
        part_rows: Rows of a batch; several may be accumulated to one step.
        callbacks: Those that the settings ask for.
    """

    problem: Problem
    plan: Plan
    classes: Classes | None
    scale: checks.Scaling | None
    given: Mapping[str, Any]
    info: Mapping[str, Any]
    part_rows: int
    callbacks: tuple[Callback, ...] = ()

    @cached_property
    def step(self) -> Program:
        """The training step: forward, derived backward, update (which a solver does itself)."""
        if checks.is_solver(self.problem.optimizer):
            return value_and_grad(self.problem.loss_program(), wrt="params")
        return self.problem.step()

    @cached_property
    def halves(self) -> tuple[Program, Program]:
        """Gradient and update: the step in two, between which batches are accumulated."""
        return self.problem.gradient(), self.problem.update()

    @cached_property
    def wide_step(self) -> Program:
        """The step in float64, as a solver needs it."""
        return self.step.astype(np.float64)

    @cached_property
    def engine(self) -> str:
        """ "reference" or "native": what runs the steps, chosen when it is first asked for.

        Raises:
            UsageError: When the native engine was asked for and cannot run this step.
        """
        return engine_of(self)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every setting, defaults included (plain data), with the engine that runs."""
        return {**self.given, "engine": self.engine}

    @property
    def rows(self) -> Any:
        """The training rows, scaled, of shape (rows, columns)."""
        return self.plan.rows.x

    @property
    def targets(self) -> Any:
        """Class indices of shape (rows,), or numbers of shape (rows, columns)."""
        return self.plan.rows.labels

    def model(
        self, params: Mapping[str, Any] | None = None, state: Mapping[str, Any] | None = None
    ) -> Model:
        """The network with some parameters and state; with the initial ones when None."""
        return Model(
            layers=layer_names(self.problem.network.layers),
            params=dict(self.problem.params if params is None else params),
            programs=self.problem.predictions(
                self.scale, self.problem.state if state is None else state
            ),
            classes=self.classes,
            inputs=self.problem.inputs,
            info=dict(self.info),
        )

    def check(self, rows: int = 8) -> GradientCheck:
        """Check the derived gradient of the loss at the initial parameters.

        Args:
            rows: How many training rows, evenly spread over the data, make up the batch.

        Returns:
            What `pb.check_gradients` found, one variable per parameter.

        Raises:
            GradientError: When the derived gradient is wrong.
        """
        count = min(rows, len(self.rows))
        chosen = np.linspace(0, len(self.rows) - 1, count).round().astype(int)
        batch = self.plan.rows.chosen(chosen).counted
        problem = self.problem
        x, labels, *weights = map(_widened, batch.flat)
        if problem.classes is None and problem.loss.targets == "distribution":
            # Rows that sum to 1 in float32 miss it in float64 by more than the check allows.
            labels = labels / np.sum(labels, axis=1, keepdims=True)
        params, state = (
            {name: _widened(value) for name, value in values.items()}
            for values in (problem.params, problem.state)
        )
        program = problem.loss_program().astype("f8")
        values = (x, labels, *weights, params, state)
        return check_gradients(program, *values, wrt="params", steps=())

    def run(
        self,
        callbacks: Any = (),
        checkpoint: str | Path | None = None,
        checkpoint_every: float = 10.0,
        resume: str | Path | None = None,
    ) -> Run:
        """Train; see `train`, whose second half this is."""
        every = checks.number_at_least_zero("checkpoint_every", checkpoint_every)
        if checks.is_solver(self.problem.optimizer):
            return self._solved(callbacks, checkpoint, resume)
        if resume is not None:
            return self.like(resume)._trained(callbacks, checkpoint or resume, every, resume)
        return self._trained(callbacks, checkpoint, every, None)

    def _trained(
        self, callbacks: Any, file: str | Path | None, every: float, resume: str | Path | None
    ) -> Run:
        training = self.training(callbacks) if resume is None else self.resumed(resume, callbacks)
        with closing(training):
            keeper = Keeper(training, file, every, {} if file is None else self.identity)
            training.piece_seconds = keeper.piece_seconds
            with self._kept(training):
                self._train(training, keeper)
            return self._run(training, keeper.ended)

    def like(self, checkpoint: str | Path) -> Prepared:
        """This run on the engine of a checkpoint, unless another one was asked for.

        Raises:
            StorageError: When the checkpoint cannot be read.
            UsageError: When it was made by an engine that is not installed.
        """
        then = load_checkpoint(checkpoint).settings.get("engine")
        if self.given["engine"] != AUTO or then not in ENGINES:
            return self
        checked_engine(then)
        return replace(self, given={**self.given, "engine": then})

    def training(self, callbacks: Any = ()) -> Training:
        """The run at its start, with these callbacks behind those of the settings."""
        parts = self.given["accumulate"]
        least = self.plan.least_rows
        seed = self.given["seed"]
        stepper = Stepper(self.problem, self.step, self.part_rows, least, parts, seed)
        stepper = replace(stepper, evaluated=evaluated_by(self))
        if parts > 1:
            stepper = replace(stepper, halves=self.halves)
            if self.engine == NATIVE:
                stepper = replace(stepper, compiled=native_flat)
        everyone = [*self.callbacks, *as_callbacks(callbacks)]
        return Training(self.problem, self.plan, stepper, everyone, steps_of(self))

    def resumed(self, checkpoint: str | Path, callbacks: Any = ()) -> Training:
        """The run where a checkpoint stands.

        Raises:
            StorageError: When the checkpoint cannot be read.
            UsageError: When it is of another run: the setting that differs is named.
        """
        run = self.like(checkpoint)
        training = run.training(callbacks)
        restore(training, load_checkpoint(checkpoint), run.identity)
        return training

    @property
    def keeps_checkpoints(self) -> bool:
        """Whether the run can be resumed; a solver starts anew."""
        return not checks.is_solver(self.problem.optimizer)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint tells of the run that it belongs to."""
        return {
            "settings": dict(self.settings),
            "data": fingerprint(self.plan.rows, self.plan.validation),
            "program": self.step.fingerprint(),
            "schedule": self.plan.factors(),
        }

    @staticmethod
    def _train(training: Training, keeper: Keeper) -> None:
        quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
        with one_blas_thread(), quiet, keeper:
            try:
                training.begin()
                training.run(keeper.after_step)
                keeper.save()
            finally:
                training.end()

    def _solved(self, callbacks: Any, checkpoint: Any, resume: Any) -> Run:
        if checkpoint is not None or resume is not None:
            raise UsageError(
                "checkpoint, resume: L-BFGS keeps none; allowed are the update rules of pb.optim."
            )
        training = self.training(callbacks)
        quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")
        keeper = Keeper(training, None, 0.0, {})
        with self._kept(training), one_blas_thread(), quiet, keeper:
            native = self.engine == NATIVE
            report = solve(training, self.wide_step, native_executable if native else executable)
        return self._run(training, keeper.ended or report)

    @contextmanager
    def _kept(self, training: Training) -> Iterator[None]:
        """Let an error that ends the training carry what was trained so far, as its `run`."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if training.history:
                vars(error)["run"] = self._run(training, str(error) or type(error).__name__)
                if not isinstance(error, PullbackError):
                    error.add_note(
                        f"Training ended by it in epoch {training.epoch}, after {training.updates} "
                        "updates; the `run` of this error has the model so far."
                    )
            raise

    def _run(self, training: Training, ended: str) -> Run:
        model = self.model(training.params, training.state)
        return Run(
            model=replace(model, engine=NATIVE if self.engine == NATIVE else AUTO),
            history=History(training.history),
            step=self.step,
            settings=dict(self.settings),
            ended=ended,
            native_source=training.engine_source or engine_source(self),
            native_plan=training.engine_plan,
        )


def early_stopping(patience: int | None, has_validation: bool) -> Sequence[Callback]:
    """The callback that the setting `early_stopping` asks for."""
    if patience is None:
        return ()
    checks.whole_number("early_stopping", patience, 1)
    if not has_validation:
        raise UsageError(
            "early_stopping needs validation=(X, y) or a share such as validation=0.2; to watch "
            "the training loss, give callbacks=[EarlyStopping(monitor='loss')]."
        )
    return (EarlyStopping(patience),)


def _widened(value: Any) -> Any:
    """Floating numbers in float64; whole numbers as they are."""
    return value.astype(np.float64) if value.dtype.kind == "f" else value
