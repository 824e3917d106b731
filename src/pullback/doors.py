"""What one asks of a Program: to run, to be read, to be priced.

Each method is a door to a reader on a higher floor, imported when it is called; nothing here
knows how a reader works.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from .engines.memory import Plan
    from .program import Program
    from .views.cost import Cost
    from .views.graph import Graph
    from .views.simplifications import Simplifications


def _program(doors: Doors) -> Program:
    return cast("Program", doors)


class Doors:
    """The methods of `Program` that hand it to its readers."""

    def astype(self, dtype: Any) -> Program:
        """The same program with every floating value in another precision.

        Args:
            dtype: "f4" or "f8" (or a NumPy float dtype).

        Returns:
            A program whose floating inputs, constants and results have that dtype.

        Raises:
            UsageError: When the dtype is not floating.

        Example:
            >>> import numpy as np, pullback as pb
            >>> print(pb.trace(lambda x: 2.0 * x, x="N").astype("f4"))
            <lambda>(x: f4[N])
              multiply: f4[N] = multiply(2.0, x)
              return multiply
        """
        from .transforms.retype import retype

        return retype(_program(self), np.dtype(dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The program's result on the reference engine; see `pb.compile`.

        Args:
            *args: The arguments in order, with the dtypes, ranks and structures traced.
            **kwargs: Arguments by name.

        Returns:
            Arrays in the structure that the traced function returned.

        Raises:
            ProgramError: When an argument is missing, has another dtype, or does not fit.
        """
        from .engines.reference import executable

        return executable(_program(self))(*args, **kwargs)

    def to_numpy(self, standalone: bool = False, example: Mapping[str, Any] | None = None) -> str:
        """The program as plain NumPy source, with no dependency on Pullback.

        Args:
            standalone: Whether to write a whole file: forward, backward and a check of itself,
                which runs when the file is run as a script. The backward pass is the program
                where that is a gradient, else its derivative by all floating arguments.
            example: With `standalone`, values by argument name like those to check it at.

        Returns:
            Python text, the same on every run, without line numbers or paths.

        Raises:
            UsageError: With `standalone`, when there is no backward pass or no fitting input.

        Example:
            >>> import numpy as np, pullback as pb
            >>> print(pb.trace(lambda x: np.exp(x) + 1, x="N").to_numpy())
            import numpy as np
            <BLANKLINE>
            <BLANKLINE>
            def f(x):
                \"\"\"x: f8 (N,).\"\"\"
                return np.exp(x) + 1
            <BLANKLINE>
        """
        from .views.numpy_source import to_numpy
        from .views.standalone import standalone as as_file

        return as_file(_program(self), example) if standalone else to_numpy(_program(self))

    def simplifications(self) -> Simplifications:
        """How a gradient program was simplified: each rewrite, and why it may be made.

        Returns:
            The rewrites in order, a sequence that prints as a derivation, line by line. Each has
            the identity's `statement`, the `condition` it needs, and `before` and `after`, as
            programs.

        Raises:
            UsageError: When the program is no gradient, or was read from a file.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.grad(pb.trace(lambda x: np.sum(np.sin(x)), x="N"))
            >>> [step.identity for step in program.simplifications()]
            ['broadcast_number', 'late_broadcast', 'plain_number', 'times_one']
            >>> print(program.simplifications()[0].condition)
            the value is a known number.
        """
        from .views.simplifications import simplifications

        return simplifications(_program(self))

    def to_latex(
        self,
        *,
        columns: bool = False,
        rules: bool = False,
        reasons: bool = False,
        batch: str | None = None,
        sums: bool = False,
    ) -> str:
        r"""The program's equations as LaTeX: one aligned line each, error signals with a bar.

        For y_pred = h_relu W_2 and the loss sum((y_pred - y)^2) the backward pass reads
        bar(y_pred) = 2 (y_pred - y), bar(W_2) = h_relu^T bar(y_pred),
        bar(h_relu) = bar(y_pred) W_2^T. Products of arrays entry by entry have a circled dot,
        conditions in brackets are 1 where they hold and 0 elsewhere.

        Args:
            columns: Whether samples are columns: every letter then stands for the transpose of
                the array in the code, so that x @ W1 is written W_1 x; vectors are columns.
            rules: Whether each error signal is followed by the chain rule it is an instance of
                and by the rules of the operations involved.
            reasons: Whether it is followed by why its shape can only be so, where that is known.
            batch: The named axis of the samples, such as "N": it is written as the set B, so
                that a mean is 1 / |B| times the sum over i in B.
            sums: Whether products of matrices over `batch` are written as such sums.

        Returns:
            An `align*` environment, for AMS-LaTeX, MathJax or KaTeX.

        Raises:
            UsageError: When `batch` is not an axis of the program, when `sums` is asked for
                without it, or when a value has no form with column vectors.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.trace(lambda x, w: np.sum((x @ w) ** 2), x="N D", w="D C")
            >>> print(pb.grad(program, wrt="w").to_latex(), end="")
            \begin{align*}
              \bar{w} &= x^\top\,2\,x\,w
            \end{align*}
        """
        from .views.equations import Wishes, to_latex

        return to_latex(_program(self), Wishes(columns, batch, sums, rules), reasons)

    def to_mathml(
        self,
        *,
        columns: bool = False,
        rules: bool = False,
        reasons: bool = False,
        batch: str | None = None,
        sums: bool = False,
    ) -> str:
        """The program's equations as MathML, which browsers draw and screen readers speak.

        Args:
            columns: As for `to_latex`.
            rules: As for `to_latex`.
            reasons: As for `to_latex`.
            batch: As for `to_latex`.
            sums: As for `to_latex`.

        Returns:
            One `math` element: a table with a row for each equation. Each variable stands in an
            element with `data-var`, its name in the source; `alttext` holds the plain text.

        Raises:
            UsageError: As for `to_latex`.

        Example:
            >>> import numpy as np, pullback as pb
            >>> text = pb.trace(np.tanh, x="N").to_mathml()
            >>> '<mi>tanh</mi>' in text and '<mrow data-var="x"><mi>x</mi></mrow>' in text
            True
        """
        from .views.equations import Wishes, to_mathml

        return to_mathml(_program(self), Wishes(columns, batch, sums, rules), reasons)

    def to_text(
        self,
        *,
        columns: bool = False,
        rules: bool = False,
        reasons: bool = False,
        batch: str | None = None,
        sums: bool = False,
    ) -> str:
        """The program's equations as Unicode text for terminals, with their shapes.

        Args:
            columns: As for `to_latex`.
            rules: As for `to_latex`.
            reasons: As for `to_latex`.
            batch: As for `to_latex`.
            sums: As for `to_latex`.

        Returns:
            A line for each equation, aligned at the equals sign.

        Raises:
            UsageError: As for `to_latex`.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.trace(lambda x, w: np.sum((x @ w) ** 2), x="N D", w="D C")
            >>> print(pb.grad(program, wrt="w").to_text(), end="")
              w̄ = xᵀ 2 x w   (D, C)
        """
        from .views.equations import Wishes, to_text

        return to_text(_program(self), Wishes(columns, batch, sums, rules), reasons)

    def to_graph(
        self,
        values: Any = None,
        *,
        backward: bool | None = None,
        direction: str | None = None,
        most: int = 200,
    ) -> Graph:
        """The program as a picture: values along its wires, error signals back along them.

        Args:
            values: Its arguments, a dict by name or a sequence in order, to show their values.
            backward: Whether error signals are drawn; None: if it is a gradient or returns a loss.
            direction: "right", "down", or None for what suits its size.
            most: How many nodes are drawn one by one, at least 10; larger programs are folded.

        Returns:
            A `Graph`: `svg()`, `dot()`, `save(path)`; in a notebook it draws itself. A gradient is
            drawn as its forward program with the error signals that flow back to `wrt`.

        Raises:
            UsageError: When backward=True and there is no gradient, or a setting is not allowed.
            ProgramError: When the values do not fit its inputs.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.grad(pb.trace(lambda x: np.sum(x**2), x="N"))
            >>> graph = program.to_graph({"x": np.array([1.0, 3.0])})
            >>> graph.scene.nodes[0].value, graph.scene.nodes[0].error
            (('(2,)', '[1, 3]'), ('dx', '[2, 6]'))
        """
        from .engines.bound import bound
        from .views.graph import draw

        program = _program(self)
        fixed, inputs = (program, None) if values is None else bound(program, values)
        return draw(fixed, inputs, backward, direction, most)

    def _repr_html_(self) -> str:
        from .views.notebook import program_html

        return program_html(_program(self))

    def cost(self, **sizes: int) -> Cost:
        """What the program costs, line by line: operations, bytes moved, values kept.

        An addition, a product, a comparison and a function such as exp count as one operation
        (FLOP) each, a product of (m, k) and (k, n) as 2 m n k. Each operation on arrays reads its
        inputs from memory and writes its result; views (transpose, reshape) move nothing.

        Args:
            **sizes: Lengths of named axes, such as N=64. Axes without a length stay letters, and
                costs are polynomials in them.

        Returns:
            A table: print it, or read `lines`, `stages`, `total`, `residuals`, `jacobians`.

        Raises:
            UsageError: When a name is no axis of the program or a length is no whole number >= 1.

        Example:
            >>> import numpy as np, pullback as pb
            >>> cost = pb.trace(lambda x, w: x @ w, x="N D", w="D C").cost()
            >>> cost.total.flops
            2*C*D*N
        """
        from .views.cost import cost

        return cost(_program(self), sizes)

    def memory_plan(self, **sizes: int) -> Plan:
        """Where the program's values lie in memory when it runs in planned buffers.

        Values that are not needed at the same time share a place; a value that is changed entry
        by entry is written over the one it is made of.

        Args:
            **sizes: The length of every named axis, such as N=64.

        Returns:
            A table of stretches of memory: the last named value that lies there, its bytes, the
            first equation that writes to it and the last that uses it ("from" and "to"), and the
            byte of the block at which it begins ("place"). Equations are counted from 0 as the
            reference engine runs them: composite operations taken apart, equal work joined; a
            result is used up to their number. `bytes` is the size of the block.

        Raises:
            UsageError: When an axis has no length, a name is no axis of the program, or a length
                is no whole number >= 1.

        Example:
            >>> import numpy as np, pullback as pb
            >>> program = pb.trace(lambda x, w: np.sum(np.exp(x @ w)), x="N D", w="D C")
            >>> print(program.memory_plan(N=64, D=10, C=4))
            value   bytes  from  to  place
            matmul   2048     0   2      0
            2048 bytes; 2048 are needed at once, 2048 without sharing
        """
        from .engines.buffered import memory_plan

        return memory_plan(_program(self), sizes)
