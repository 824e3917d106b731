"""The standalone file: forward, backward and a check, in a fresh interpreter without Pullback."""

import subprocess
import sys

import numpy as np
import pytest
from golden_programs import PROGRAMS

import pullback as pb
from pullback.errors import UsageError

ALONE = (
    "import sys, runpy; sys.modules['pullback'] = None; "
    "runpy.run_path(sys.argv[1], run_name='__main__')"
)


def loaded(program, **options):
    """What the file defines."""
    text = program.to_numpy(standalone=True, **options)
    scope = {"__name__": "file"}
    exec(compile(text, "file", "exec"), scope)
    return scope


def run(text, folder):
    """Run the text as a script, isolated, where Pullback cannot be imported."""
    file = folder / "exported.py"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-I", "-c", ALONE, str(file)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def run_here(text, capsys):
    """Run the text as a script in this process; (exit code, output)."""
    with pytest.raises(SystemExit) as ended:
        exec(compile(text, "exported.py", "exec"), {"__name__": "__main__"})
    return ended.value.code, capsys.readouterr().out


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_kept_program_checks_itself(name, capsys):
    code, out = run_here(PROGRAMS[name]().to_numpy(standalone=True), capsys)
    assert code == 0, out
    assert "the backward pass is right" in out
    assert "WRONG" not in out


def test_it_is_the_derived_gradient_in_a_fresh_interpreter(tmp_path):
    program = PROGRAMS["grad_cross_entropy"]()
    text = program.to_numpy(standalone=True)
    random = np.random.default_rng(4)
    x, W, b = random.normal(size=(6, 3)), random.normal(size=(3, 10)), random.normal(size=10)
    labels = random.integers(0, 10, size=6)
    np.savez(tmp_path / "inputs.npz", x=x, W=W, b=b, labels=labels)
    calling = (
        "given = dict(np.load('inputs.npz'))\n"
        "np.savez('found.npz', *grad_classifier(**given))\n"
        "assert sys.modules['pullback'] is None\n"
    )
    definitions, _ = text.split('if __name__ == "__main__":')
    ended = run(definitions + calling, tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = np.load(tmp_path / "found.npz")
    expected = program(x=x, W=W, b=b, labels=labels)
    for got, derived in zip(found.values(), expected, strict=True):
        assert np.array_equal(got, derived)


def test_a_script_ends_with_1_when_the_backward_pass_is_wrong(tmp_path):
    text = PROGRAMS["grad_forward"]().to_numpy(standalone=True)
    assert run(text, tmp_path).returncode == 0
    for right, wrong in [
        ("dy_pred = 2 * (y_pred - y) ", "dy_pred = (y_pred - y) "),
        ("dh_relu * (h > 0)", "dh_relu * (h < 0)"),
        ("return dW1, dW2", "return dW1, dW2[:1]"),
        ("return dW1, dW2", "return dW1, dW2 + 1e-3"),
        ("return dW1, dW2", "dW2[1, 1] = np.nan; return dW1, dW2"),
    ]:
        assert right in text
        ended = run(text.replace(right, wrong), tmp_path)
        assert ended.returncode == 1, (wrong, ended.stderr)
        assert "WRONG" in ended.stdout


def test_a_forward_program_is_differentiated_by_all_floating_arguments(capsys):
    def f(params, x, labels):
        h = np.tanh(x @ params["W"] + params["b"][0])
        return np.sum(h[np.arange(4), labels]) * params["scale"]

    specs = {"W": "D 5", "b": ["5"], "scale": "float"}
    program = pb.trace(f, params=specs, x="4 D", labels="i8 4")
    text = program.to_numpy(standalone=True)
    assert run_here(text, capsys)[0] == 0
    scope = loaded(program)
    random = np.random.default_rng(2)
    params = {"W": random.normal(size=(3, 5)), "b": [random.normal(size=5)], "scale": 1.5}
    x, labels = random.normal(size=(4, 3)), np.array([0, 4, 2, 2])
    in_params, in_x = scope["grad_f"](params, x, labels)
    expected = pb.grad(f, wrt=["params", "x"])(params, x, labels)
    assert scope["f"](params, x, labels) == f(params, x, labels)
    assert np.allclose(in_params["W"], expected[0]["W"], rtol=1e-13)
    assert np.allclose(in_params["b"][0], expected[0]["b"][0], rtol=1e-13)
    assert np.isclose(in_params["scale"], expected[0]["scale"], rtol=1e-13)
    assert np.allclose(in_x, expected[1], rtol=1e-13)


def test_a_backward_of_arrays_takes_their_cotangents(capsys):
    def f(x, W):
        y = x @ W
        return {"y": np.sin(y), "count": np.sum(y > 0), "total": np.sum(y)}

    program = pb.trace(f, x="N D", W="D H")
    code, out = run_here(program.to_numpy(standalone=True), capsys)
    assert code == 0, out
    scope = loaded(program)
    x, W, ct = np.ones((2, 3)), np.eye(3), np.full((2, 3), 0.5)
    dx, _ = scope["vjp_f"](x, W, ct, 2.0)
    expected = pb.vjp(f, x, W)[1]({"y": ct, "count": None, "total": 2.0})
    assert np.allclose(dx, expected[0], rtol=1e-14)


@pytest.mark.parametrize("size", [9, 3000])
def test_captured_arrays_are_written_into_the_file(size, tmp_path):
    scale = np.random.default_rng(1).normal(size=size).astype("f4").astype("f8")
    steps = np.arange(size)
    program = pb.trace(lambda x: np.sum(np.sin(x * scale) * steps), x=f"{size}")
    text = program.to_numpy(standalone=True)
    assert max(map(len, text.splitlines())) <= 12 * 100
    assert ("decoded(" in text) == (size > 100)
    ended = run(text, tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = loaded(program)
    x = np.linspace(0, 1, size)
    assert np.array_equal(found["grad_f"](x)[0], pb.grad(program)(x))


def test_masks_of_dropout_are_the_same_forward_and_back(capsys):
    network = pb.nn.Sequential(pb.nn.Dense(8), pb.nn.Dropout(0.5), pb.nn.Dense(1))
    params, state = network.init(np.random.default_rng(0), (3,))

    def loss(params, x):
        return np.sum(network.apply(params, state, x, training=True)[0] ** 2)

    specs = {"params": params, "x": "N 3"}
    text = pb.trace(loss, **specs).to_numpy(standalone=True)
    assert "def threefry" in text
    code, out = run_here(text, capsys)
    assert code == 0, out


def test_the_loss_of_a_trained_network_goes_along(capsys):
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(20, 4)), random.integers(0, 3, size=20)
    layers = pb.nn.Dense(6), pb.nn.BatchNorm(), pb.nn.LeakyReLU(0.01), pb.nn.Dense(3)
    network = pb.nn.Sequential(*layers)
    run = pb.train(network, x, labels, loss=pb.losses.CrossEntropy(), epochs=1, seed=0)
    gradient = pb.grad(run.model.programs["loss"], wrt="params")
    code, out = run_here(gradient.to_numpy(standalone=True), capsys)
    assert code == 0, out
    assert len(out.splitlines()) == 2 + len(run.model.params)
    with pytest.raises(UsageError, match="holds a backward pass"):
        run.step.to_numpy(standalone=True)


def test_names_of_the_user_and_of_the_file_do_not_meet(capsys):
    def check(total, softmax, paths):
        leaves_of = np.exp(total) @ softmax
        return pb.nn.softmax(leaves_of * SCALE, axis=-1) @ paths

    text = pb.trace(check, total="N D", softmax="D 3", paths="3").to_numpy(standalone=True)
    code, out = run_here(text, capsys)
    assert code == 0, out
    assert "def check_2(total, softmax_2, paths, SCALE=SCALE):" in text

    def random(x):
        return np.sum(x**2)

    code, out = run_here(pb.trace(random, x="N").to_numpy(standalone=True), capsys)
    assert code == 0, out


SCALE = np.array([0.5, -1.0, 2.0])


def test_inputs_are_found_on_which_the_function_is_finite(capsys):
    def f(p, q, y):
        return np.sum(np.log(p) * np.sqrt(1 - q)) + np.sum(pb.nn.distribution(y) * p)

    code, out = run_here(pb.trace(f, p="N C", q="C", y="N C").to_numpy(standalone=True), capsys)
    assert code == 0, out
    assert "not checked, as it cannot be moved: row 0 sums to" in out
    with pytest.raises(UsageError, match="No inputs were found .* give an example"):
        pb.trace(lambda x: np.sum(np.log(x - 50)), x="N").to_numpy(standalone=True)


def test_an_example_says_what_inputs_are_like(capsys):
    program = pb.trace(lambda x: np.sum(np.log(x - 50)), x="3")
    text = program.to_numpy(standalone=True, example={"x": np.array([51.0, 60.0, 70.0])})
    assert "np.array([51.0, 60.0, 70.0]" in text
    assert run_here(text, capsys)[0] == 0
    large = pb.trace(lambda x, i: np.sum(np.log(x - 50)[i]), x="200", i="i8 150")
    example = {"x": np.linspace(60, 70, 200), "i": np.arange(150)}
    text = large.to_numpy(standalone=True, example=example)
    assert "random.uniform(60, 70, size=(200,))" in text
    assert "random.integers(0, 150, size=(150,))" in text
    assert run_here(text, capsys)[0] == 0
    with pytest.raises(UsageError, match="no value for 'i'"):
        large.to_numpy(standalone=True, example={"x": example["x"]})
    with pytest.raises(UsageError, match=r"The example of x has shape \(\), the program expects"):
        large.to_numpy(standalone=True, example={"x": 1.0, "i": example["i"]})


def test_an_example_gives_named_axes_their_lengths(capsys):
    program = pb.trace(lambda x, y: np.sum(np.log(x + y)), x="N D", y="D")
    example = {"x": np.full((2, 6), 5.0), "y": np.full(6, -4.0)}
    code, out = run_here(program.to_numpy(standalone=True, example=example), capsys)
    assert code == 0, out
    assert out.splitlines()[1].split()[:4] == ["x", "2x6", "12", "entries"]


def test_float32_inside_is_checked_as_well_as_it_can_be(capsys):
    def f(x):
        return np.sum(np.sin(x).astype(np.float32) * 2)

    text = pb.trace(f, x="f8 3").to_numpy(standalone=True)
    assert "TOLERANCE = 1e-2" in text
    assert run_here(text, capsys)[0] == 0
    assert run_here(text.replace("* 2", "* 2.1", 1), capsys)[0] == 1


def test_an_entry_on_a_kink_is_counted_and_must_lie_between_its_slopes(capsys):
    def f(x):
        return np.sum(np.maximum(x - HERE, 0))

    text = pb.trace(f, x="3").to_numpy(standalone=True, example={"x": HERE})
    code, out = run_here(text, capsys)
    assert code == 0, out
    assert "right, 3 on a kink or an edge" in out
    mask = "x - HERE > 0"
    assert mask in text
    code, out = run_here(text.replace(mask, "2.0 * (x - HERE >= 0)"), capsys)
    assert code == 1, out


def test_the_edge_of_the_domain_is_no_mistake(capsys):
    def f(x):
        return np.sum(x**1.5) + np.sum(np.log(x + 0.004))

    example = {"x": np.array([0.0, 0.001, 2.0])}
    text = pb.trace(f, x="3").to_numpy(standalone=True, example=example)
    code, out = run_here(text, capsys)
    assert code == 0, out
    assert "right, 1 on a kink or an edge" in out
    wrong = text.replace("return (", "dx[2] += 1e-3; return (", 1)
    assert wrong != text
    assert run_here(wrong, capsys)[0] == 1


HERE = np.array([0.5, -1.0, 2.0])


def test_the_text_is_the_same_on_every_run_and_without_paths():
    text = PROGRAMS["grad_hard_labels"]().to_numpy(standalone=True)
    assert text == PROGRAMS["grad_hard_labels"]().to_numpy(standalone=True)
    assert "pullback" not in text
    assert "type: ignore" not in text


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: pb.trace(lambda i: i * 2, i="i8 N"), "has no floating argument and result"),
        (lambda: pb.trace(lambda x: x > 0, x="N"), "has no floating argument and result"),
        (
            lambda: pb.Program.from_json(PROGRAMS["grad_forward"]().to_json()),
            "does not know any more what it was derived from",
        ),
    ],
)
def test_what_has_no_backward_pass_is_refused(make, sentence):
    with pytest.raises(UsageError) as told:
        make().to_numpy(standalone=True)
    assert sentence in str(told.value)
