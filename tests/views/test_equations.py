"""The equations of programs: what they say, how they print, why they hold."""

import numpy as np
import pytest
from equation_programs import DESCENT, EVERY, descent
from formula_values import Evaluator
from golden_programs import SHAPES, SIZES, forward, values_for
from printed_checks import check_latex, check_mathml

import pullback as pb
from pullback.engines.reference import executable
from pullback.errors import UsageError
from pullback.formula import Symbol, plain
from pullback.primitive import REGISTRY
from pullback.primitives.fused import softmax
from pullback.program import UPDATE
from pullback.tracing import in_stage, named
from pullback.transforms import vjp_program
from pullback.trees import flatten
from pullback.views.equations import Wishes, equations, rule_of
from pullback.views.equations.rules import general_rule
from pullback.views.lines import Lines

NO_COLUMNS = {"grad_pieces"}
"""Programs that take parts out of arrays."""

NOTES = """\
forward
       h = x W₁               (N, H)
  h_relu = max(h, 0)          (N, H)
  y_pred = h_relu W₂          (N, C)
backward
  ȳ_pred = 2 (y_pred − y)     (N, C)
  h̄_relu = ȳ_pred W₂ᵀ         (N, H)
      W̄₂ = h_reluᵀ ȳ_pred     (H, C)
       h̄ = h̄_relu ⊙ [h > 0]   (N, H)
      W̄₁ = xᵀ h̄               (D, H)
"""
NOTES_IN_LATEX = r"""\begin{align*}
  & \textbf{forward} \\
  h &= x\,W_1 \\
  h_{\mathrm{relu}} &= \max(h, 0) \\
  y_{\mathrm{pred}} &= h_{\mathrm{relu}}\,W_2 \\
  & \textbf{backward} \\
  \bar{y}_{\mathrm{pred}} &= 2\,(y_{\mathrm{pred}} - y) \\
  \bar{h}_{\mathrm{relu}} &= \bar{y}_{\mathrm{pred}}\,W_2^\top \\
  \bar{W}_2 &= h_{\mathrm{relu}}^\top\,\bar{y}_{\mathrm{pred}} \\
  \bar{h} &= \bar{h}_{\mathrm{relu}} \odot [h > 0] \\
  \bar{W}_1 &= x^\top\,\bar{h}
\end{align*}
"""
NOTES_IN_COLUMNS = """\
forward
       h = W₁ x               (H, N)
  h_relu = max(h, 0)          (H, N)
  y_pred = W₂ h_relu          (C, N)
backward
  ȳ_pred = 2 (y_pred − y)     (C, N)
  h̄_relu = W₂ᵀ ȳ_pred         (H, N)
      W̄₂ = ȳ_pred h_reluᵀ     (C, H)
       h̄ = h̄_relu ⊙ [h > 0]   (H, N)
      W̄₁ = h̄ xᵀ               (H, D)
"""
STEP_IN_LATEX = r"""
  \bar{y}_{\mathrm{pred}} &= \frac{2\,(y_{\mathrm{pred}} - y)}{|B|} \\
  \bar{h} &= \bar{y}_{\mathrm{pred}}\,W_2^\top \\
  \bar{W}_2 &= \sum_{i \in B}\,h_i^\top\,\bar{y}_{\mathrm{pred}, i} \\
  \bar{W}_1 &= \sum_{i \in B}\,x_i^\top\,(\bar{h}_i \odot [(x\,W_1)_i > 0]) \\
  & \textbf{update} \\
  W_1 &\leftarrow W_1 - \eta\,\bar{W}_1 \\
  W_2 &\leftarrow W_2 - \eta\,\bar{W}_2
"""


def notes():
    return pb.grad(pb.trace(forward, **SHAPES), wrt=["W1", "W2"])


def letters_of(program, values, columns=False):
    """The value of each input by its key, as the equations have it."""
    names = Lines(program).names
    given = dict(zip(program.argument_inputs, values, strict=True))
    given.update(program.defaults)
    return {names[var]: as_column(v) if columns else v for var, v in given.items()}


def as_column(value):
    value = np.asarray(value)
    return value[:, None] if value.ndim == 1 else value.T


def evaluated(program, wishes):
    """The results of a program as its equations give them, one line after the other."""
    values = values_for(program)
    if any(equation.stage == UPDATE for equation in program.equations):
        values = [np.abs(value) for value in values]
    letters = letters_of(program, values, wishes.columns)
    for line in equations(program, wishes):
        letters[line.left.key] = Evaluator(letters, SIZES)(line.right)
    by_var = {line.var: letters[line.left.key] for line in equations(program, wishes)}
    by_var |= {var: letters[Lines(program).names[var]] for var in program.inputs}
    found = [by_var[atom] for atom in program.outputs if atom in by_var]
    expected = flatten(executable(program)(*arguments(program, values)))[0]
    wanted = [e for e, atom in zip(expected, program.outputs, strict=True) if atom in by_var]
    assert len(found) == len(wanted) > 0
    return found, [as_column(w) if wishes.columns else w for w in wanted]


def arguments(program, values):
    """The leaves in the containers of the program's arguments."""
    from pullback.trees import unflatten

    leaves, given = list(values), []
    for argument in program.arguments:
        count = argument.structure.size
        given.append(unflatten(argument.structure, leaves[:count]))
        leaves = leaves[count:]
    return given


def assert_same(pairs):
    for found, expected in zip(*pairs, strict=True):
        np.testing.assert_allclose(found * 1.0, expected * 1.0, rtol=2e-6, atol=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_the_equations_have_the_values_of_the_program(name):
    assert_same(evaluated(EVERY[name](), Wishes()))


@pytest.mark.parametrize("name", sorted(set(EVERY) - NO_COLUMNS))
def test_with_column_vectors_they_have_the_values_transposed(name):
    assert_same(evaluated(EVERY[name](), Wishes(columns=True)))


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("name", sorted(set(EVERY) - NO_COLUMNS))
def test_sums_over_the_batch_have_the_values_of_the_products(name, columns):
    program = EVERY[name]()
    if "N" in program.axes:
        assert_same(evaluated(program, Wishes(columns=columns, batch="N", sums=True)))


@pytest.mark.parametrize("name", EVERY)
def test_there_is_an_equation_for_each_line_of_the_source(name):
    program = EVERY[name]()
    stored = {
        line.split(" = ")[0].strip()
        for line in program.to_numpy()
        .split("def " + program.name.replace("<lambda>", "f"))[-1]
        .split("return")[0]
        .splitlines()
        if " = " in line
    }
    lines = equations(program)
    names = Lines(program).names
    written_out = stored - {line.name for line in lines if line.var in names}
    assert not written_out & {names[var] for var in names if var.named}
    read = {part.key for line in lines for part in line.right.walk() if isinstance(part, Symbol)}
    assert not written_out & read
    assert all(line.var is None or line.shape == line.var.aval.shape for line in lines)


@pytest.mark.parametrize("name", EVERY)
def test_they_print_well_formed(name):
    program = EVERY[name]()
    everything = {"rules": True, "reasons": True}
    check_latex(program.to_latex(**everything))
    check_mathml(program.to_mathml(**everything))
    for line in equations(program, Wishes(rules=True)):
        check_latex(line.latex())
        check_mathml(line.mathml())
        for rule in line.rules:
            check_latex(rule.latex())
            check_mathml(rule.mathml())


@pytest.mark.parametrize("name", ["forward", "grad_in_place", "grad_hard_labels", "grad_pieces"])
def test_matplotlib_draws_every_line(name):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    for line in equations(EVERY[name]()):
        parser.parse(f"${line.latex()}$")


def test_the_derivation_in_the_notes():
    assert notes().to_text() == NOTES
    assert notes().to_latex() == NOTES_IN_LATEX


def test_the_derivation_with_column_vectors():
    assert notes().to_text(columns=True) == NOTES_IN_COLUMNS


def test_the_update_follows_with_the_sum_over_the_batch():
    program = pb.trace(descent, **DESCENT)
    assert program.to_latex(batch="N", sums=True).endswith(STEP_IN_LATEX[1:] + "\\end{align*}\n")


def test_a_step_that_stores_new_values_under_the_old_names_ends_in_an_update():
    def step(x, W, eta):
        dW = pb.grad(lambda W: np.mean((x @ W) ** 2))(W)
        W = W - eta * dW
        return W

    last = equations(pb.trace(step, x="N D", W="D", eta="float"))[-1]
    assert (last.stage, last.relation) == (UPDATE, "←")
    assert last.text() == "W ← W − η W̄"


def test_an_array_of_zeros_is_one_symbol():
    program = pb.trace(lambda x: np.zeros_like(x) + x, x="2 3")
    assert equations(program)[-1].text() == "f = 0_{2×3} + x"
    assert r"\mathrm{0}_{2 \times 3} + x" in program.to_latex()


def test_a_mean_over_the_batch_is_a_sum_over_its_samples():
    program = pb.trace(lambda x: np.mean(x), x="N")
    assert r"\frac{1}{|B|}\,\sum_{i \in B}\,x_i" in program.to_latex(batch="N")
    assert r"\frac{1}{N}\,\sum_{n = 1}^N\,x_n" in program.to_latex()


def test_mathml_marks_each_variable_with_its_name_in_the_source():
    text = notes().to_mathml()
    for name in notes().names.values():
        if name in notes().to_numpy():
            assert f'data-var="{name}"' in text
    assert 'alttext="h = x W₁; ' in text


def test_why_the_shapes_can_only_be_so():
    reasons = {line.name: line.reason for line in equations(notes())}
    assert reasons["dW2"] == (
        "sums over the N samples: the only product of (N, H) and (N, C) with W2's shape (H, C)"
    )
    assert reasons["dh_relu"] == (
        "sums over C: the only product of (N, C) and (H, C) with h_relu's shape (N, H)"
    )
    assert reasons["dh"] == reasons["h"] == ""


def test_numbers_for_axes_give_the_reason_in_numbers():
    shapes = {"x": (64, 1000), "y": (64, 10), "W1": (1000, 100), "W2": (100, 10)}
    arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
    program = pb.grad(pb.trace(forward, **arrays), wrt=["W1", "W2"])
    assert "sums over the 64 samples: the only product of (64, 100) and (64, 10)" in (
        program.to_text(reasons=True)
    )


def test_the_only_product_is_claimed_only_where_it_is_the_only_one():
    program = pb.grad(pb.trace(forward, x="N N", y="N N", W1="N N", W2="N N"), wrt=["W1", "W2"])
    text = program.to_text(reasons=True)
    assert "sums over" in text
    assert "only product" not in text
    assert "samples" not in text


def test_with_column_vectors_the_reason_names_the_shapes_as_they_are_written():
    text = notes().to_text(columns=True, reasons=True)
    assert "the only product of (C, N) and (H, N) with W2's shape (C, H)" in text
    assert "the only product of (C, H) and (C, N) with h_relu's shape (H, N)" in text


def test_a_function_that_computes_nothing_still_has_an_equation():
    assert pb.trace(lambda x: x, x="N").to_text() == "  f = x   (N,)\n"
    assert pb.trace(lambda x: 2.0, x="N").to_text() == "  f = 2   ()\n"


def test_a_mask_is_written_as_the_condition_under_which_a_value_passes():
    program = pb.trace(lambda h: np.where(h < 0, 0.0, h), h="N D")
    assert "h ⊙ [h ≥ 0]" in program.to_text()


def test_an_old_value_that_is_read_again_keeps_its_name():
    def step(w, m, g):
        """The new velocity does not take the old one's name, since w still needs the old one."""
        with in_stage(w, UPDATE):
            m_new = named(0.9 * m + g, "m")
            return {"w": named(w - m - m_new, "w"), "m": m_new}

    lines = equations(pb.trace(step, w="D", m="D", g="D"))
    assert [line.text() for line in lines] == ["m₂ = 0.9 m + g", "w ← w − m − m₂"]


def test_an_error_signal_names_the_rule_and_the_sum_over_children():
    def twice(x, W, V):
        h = x @ W
        a = np.tanh(h)
        b = h @ V
        return np.sum(a * b)

    program = pb.grad(pb.trace(twice, x="N D", W="D D", V="D D"), wrt="W")
    text = program.to_text(rules=True)
    assert "h̄ = ∑_{c∈{a,b}} c̄ ∂c/∂h" in text
    assert "Z = X Y ⇒ X̄ = Z̄ Yᵀ" in text
    assert "Z = X Y ⇒ Ȳ = Xᵀ Z̄" in text
    assert "Z = tanh(X) ⇒ X̄ = Z̄ ⊙ (1 − Z^⊙2)" in text


def test_the_index_of_a_sum_over_children_is_no_name_of_theirs():
    assert plain(general_rule("x", ["a", "b"])).startswith("x̄ = ∑_{c∈{a,b}} c̄ ∂c/∂x")
    assert plain(general_rule("c", ["a", "b"])).startswith("c̄ = ∑_{k∈{a,b}} k̄ ∂k/∂c")
    assert plain(general_rule("c", [""])) == "c̄ = k̄ ∂k/∂c"


def test_what_enters_from_outside_is_not_the_whole_error_signal():
    def both(x):
        h = np.tanh(x)
        return h, np.sum(h**2)

    program = pb.trace(both, x="N")
    text = vjp_program(program, program.inputs).to_text()
    (line,) = (line for line in text.splitlines() if line.split()[0] == "h̄")
    assert line.split()[1:4] == ["=", "dh", "+"]


WITH_RULE = sorted(name for name, primitive in REGISTRY.items() if primitive.rule is not None)


@pytest.mark.parametrize("name", WITH_RULE)
def test_each_rule_as_it_is_printed_has_the_value_of_the_vjp(name):
    random = np.random.default_rng(3)
    for case in REGISTRY[name].cases(random):
        places = [
            i for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray) and x.dtype == "f8"
        ]
        if not places:
            continue
        equation = traced_equation(name, case)
        out = np.asarray(REGISTRY[name].evaluate(*case.inputs, **case.params))
        ct = random.normal(size=out.shape)
        arrays = [x for x in case.inputs if isinstance(x, np.ndarray)]
        letters = dict(zip("XYUVSTABC", arrays, strict=False))
        for place in places:
            rule = rule_of(equation, place)
            known = {rule.result.name: out, f"d{rule.result.name}": ct}
            known |= {key: x for var, x in letters.items() for key in (var, var.lower())}
            known[rule.result.name], known[f"d{rule.result.name}"] = out, ct
            expected = pb.vjp(of_one(name, case, place), case.inputs[place])[1](ct)
            found = Evaluator(known, {})(rule.backward)
            found = np.broadcast_to(found, np.shape(case.inputs[place]))
            np.testing.assert_allclose(found, first(expected), rtol=1e-9, atol=1e-12)


def traced_equation(name, case):
    arrays = {f"a{i}": x for i, x in enumerate(case.inputs) if isinstance(x, np.ndarray)}

    def f(**values):
        inputs = [values.get(f"a{i}", x) for i, x in enumerate(case.inputs)]
        return REGISTRY[name](*inputs, **case.params)

    return next(e for e in pb.trace(f, **arrays).equations if e.primitive.name == name)


def of_one(name, case, place):
    def f(x):
        inputs = [x if i == place else other for i, other in enumerate(case.inputs)]
        return REGISTRY[name](*inputs, **case.params)

    return f


def first(value):
    return value[0] if isinstance(value, tuple) else value


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"batch": "M"}, "batch='M' is no axis of grad_forward; its named axes are: N, D, C, H."),
        ({"sums": True}, "sums=True needs the axis of the samples: batch='N', for example."),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence):
    with pytest.raises(UsageError) as error:
        notes().to_text(**settings)
    assert str(error.value) == sentence


def test_what_has_no_form_with_columns_says_so():
    program = pb.trace(lambda x: np.reshape(x, (2, 6)), x="3 4")
    with pytest.raises(UsageError, match="columns=True: reshape's results have no form"):
        program.to_text(columns=True)
    three = pb.trace(lambda x: np.exp(x), x="2 3 4")
    with pytest.raises(UsageError, match="values with 3 axes have no form"):
        three.to_text(columns=True)


def test_softmax_along_columns_names_its_axis():
    program = pb.trace(lambda z: softmax(z, axis=0), z="N C")
    assert "softmax_{axis 0}(z)" in program.to_text()
    assert "softmax_{axis 1}(z)" in program.to_text(columns=True)


def test_a_program_from_a_file_has_no_rules_but_its_equations():
    again = pb.Program.from_json(notes().to_json())
    assert again.to_text(rules=True) == notes().to_text()
