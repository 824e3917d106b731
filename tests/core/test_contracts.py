"""One test for each section of docs/contracts.md, named after it."""

import re
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.errors import ProgramError, TraceError, UsageError
from pullback.losses.losses import as_loss

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts.md"
X = np.random.default_rng(0).normal(size=(5, 3))


def test_each_section_has_its_test():
    titles = re.findall(r"^## \d+\. (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    named = {"test_" + re.sub(r"\W+", "_", title.lower()) for title in titles}
    assert len(titles) == 10
    assert named <= set(globals())


def test_values():
    tree = {"a": (X, [2.0, 3]), "flag": True}

    def f(tree, other, word):
        x, (scale, count) = tree["a"]
        assert isinstance(count, int)
        assert word == "plain"
        assert tree["flag"] is True
        return np.sum(x) * scale * count

    out, pullback = pb.vjp(f, tree, X[0].astype("f4"), "plain")
    assert np.isclose(out, X.sum() * 6)
    of_tree, of_other, of_word = pullback(1.0)
    assert np.array_equal(of_tree["a"][0], np.full(X.shape, 6.0))
    assert np.isclose(of_tree["a"][1][0], 3 * X.sum())
    assert of_tree["a"][1][1] is None
    assert of_tree["flag"] is None
    assert np.array_equal(of_other, np.zeros(3))
    assert of_other.dtype == np.float32
    assert of_word is None

    def g(x, y):
        return np.sum(x * y)

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert pb.grad(g)(x, y).tolist() == y.tolist()
    assert pb.grad(g, wrt="y")(x, y).tolist() == x.tolist()
    assert [v.tolist() for v in pb.grad(g, wrt=["y", 0])(x, y)] == [x.tolist(), y.tolist()]
    assert not np.shares_memory(pb.grad(g)(x, y), y)


def test_dtype():
    def f(x, rate):
        return np.tanh(x) * 2.0 * rate

    default = pb.trace(f, x="N", rate="float")
    assert default.inputs[0].aval.dtype == np.float64
    narrow = pb.trace(f, x="f4 N", rate="float")
    assert {e.out.aval.dtype for e in narrow.equations if not e.out.aval.weak} == {np.dtype("f4")}
    x = np.ones(3, "f4")
    assert pb.compile(narrow)(x, 0.5).dtype == np.float32
    with pytest.raises(ProgramError, match="x is float32"):
        pb.compile(default)(x, 0.5)
    assert default.astype("f4").fingerprint() == narrow.fingerprint()
    assert pb.grad(lambda x: np.sum(f(x, 3.0)))(x).dtype == np.float32


def test_numbers_that_vary_are_inputs():
    def f(x, epsilon, step):
        return np.sum(x / np.sqrt(x**2 + epsilon)) * 0.9**step

    compiled = pb.compile(f)
    for epsilon in (1e-8, 1e-4, 0.1):
        for step in (1, 2, 3):
            assert np.isclose(compiled(X, epsilon, step), f(X, epsilon, step), rtol=1e-14)
    assert len(compiled.programs) == 1
    program = pb.trace(f, x="f4 N D", epsilon="float", step="int")
    assert [str(var.aval) for var in program.inputs] == ["f4[N, D]", "float", "int"]
    assert pb.compile(program)(X.astype("f4"), 1e-8, 2).dtype == np.float32


class RunningMean:
    """A layer with a parameter and a state, as a user would write it."""

    def init(self, random, shape):
        return {"gain": np.ones(shape)}, {"mean": np.zeros(shape), "count": np.zeros(())}

    def apply(self, params, state, x, *, training):
        mean = np.mean(x, axis=0) if training else state["mean"]
        kept = {"mean": 0.5 * state["mean"] + 0.5 * mean, "count": state["count"] + 1.0}
        return (x - mean) * params["gain"], kept


def test_layer():
    net = pb.nn.Sequential(pb.nn.Dense(2), lambda x: x * 2.0, np.tanh, RunningMean())
    params, state = net.init(np.random.default_rng(0), (3,))
    assert {name: value.shape for name, value in params.items()} == {
        "W1": (3, 2),
        "b1": (2,),
        "gain2": (2,),
    }
    assert {name: np.shape(value) for name, value in state.items()} == {"mean2": (2,), "count2": ()}

    def output(training):
        def of(params, state, x):
            return net.apply(params, state, x, training=training)

        specs = {"params": params, "state": state, "x": "N 3"}
        return pb.trace(of, **specs)

    trained, predicting = output(True), output(False)
    assert trained.fingerprint() != predicting.fingerprint()
    h = np.tanh(2 * (X @ params["W1"] + params["b1"]))
    y, new = pb.compile(trained)(params, state, X)
    assert np.allclose(y, h - h.mean(axis=0), rtol=1e-13)
    assert np.allclose(new["mean2"], h.mean(axis=0) / 2, rtol=1e-13)
    assert new["count2"] == 1.0
    y, _ = pb.compile(predicting)(params, new, X)
    assert np.allclose(y, h - h.mean(axis=0) / 2, rtol=1e-13)

    def loss(params, factor):
        y, new = net.apply(params, state, X, training=True)
        return np.sum(y**2), {"state": new, "metric": factor * np.max(y)}

    (_, extra), gradient = pb.value_and_grad(loss, has_aux=True)(params, 1.0)
    (_, _), again = pb.value_and_grad(loss, has_aux=True)(params, 1e6)
    assert list(extra) == ["state", "metric"]
    assert list(gradient) == list(params)
    for name in params:
        assert np.array_equal(gradient[name], again[name])


def bent(x):
    """A user's own activation, with an in-place write."""
    out = x * 0.5
    out[x > 0] = 0.0
    return out + np.where(x > 0, np.sqrt(1 + np.abs(x)) - 1, 0)


def pinball(outputs, targets):
    """A user's own loss: one number per row."""
    error = outputs - targets
    return np.sum(np.maximum(0.3 * error, -0.7 * error), axis=1)


def pinball_mean(outputs, targets):
    return np.mean(pinball(outputs, targets))


def test_custom_activations_losses_and_penalties():
    net = pb.nn.Sequential(pb.nn.Dense(4), bent, pb.nn.Dense(1))
    y = X[:, 0] - X[:, 1]
    options = {"task": "regression", "dtype": "float64", "batch_size": 2, "epochs": 40}
    for loss in (pinball, pinball_mean):
        run = pb.train(net, X, y, loss=loss, **options)
        assert run.history[-1]["loss"] < 0.7 * run.history[0]["loss"]
    assert pb.Program.from_json(run.step.to_json()).fingerprint() == run.step.fingerprint()

    def penalised(W, x, y, strength):
        return pinball_mean(bent(x @ W), y) + strength * np.sum(np.abs(W) ** 1.5)

    pb.check_gradients(penalised, X[:2].T.copy(), X, y[:, None], 0.1)
    per_row, scalar = as_loss(pinball), as_loss(pinball_mean)
    outputs, targets = X[:, :1], X[:, 1:2]
    assert np.isclose(per_row(outputs, targets), scalar(outputs, targets))
    weights = np.array([1.0, 0.0, 2.0, 0.0, 0.0])
    rows = pinball(outputs, targets)
    expected = (rows[0] + 2 * rows[2]) / 3
    assert np.isclose(per_row(outputs, targets, weights), expected)
    with pytest.raises(UsageError, match="no rows to weight"):
        scalar(outputs, targets, weights)


def test_captured_arrays():
    table = np.array([1.0, 2.0, 3.0])
    program = pb.trace(lambda x: x * table, x="N 3")
    table[:] = 0.0
    assert pb.compile(program)(np.ones((1, 3))).tolist() == [[1.0, 2.0, 3.0]]
    assert [program.names[var] for var in program.inputs] == ["x", "table"]
    assert "def f(x, table=table):" in program.to_numpy()

    def noisy(x):
        return x + np.random.default_rng(0).normal(size=x.shape)

    with pytest.raises(TraceError, match="no fixed length"):
        pb.trace(noisy, x="N 3")
    drawn = pb.trace(noisy, x="2 3")
    assert "constant = np.array([[0.1257" in drawn.to_numpy()
    assert np.array_equal(pb.compile(drawn)(X[:2]), noisy(X[:2]))


def test_when_a_function_is_traced():
    traced = []

    def f(x):
        traced.append(1)
        return np.sum(x**2) if x.ndim == 2 else np.sum(x)

    for count in (1, 2, 3):
        pb.grad(f)(X)
        assert len(traced) == count

    def steered(x):
        return np.sum(x) if x[0, 0] > 0 else np.sum(3 * x)

    for sign in (1, -1):
        x = sign * np.abs(X)
        assert pb.grad(steered)(x)[0, 0] == (1 if sign > 0 else 3)
    with pytest.raises(TraceError, match=r"test_contracts.py, line \d+: return np.sum\(x\) if"):
        pb.trace(steered, x="N D")

    traced.clear()
    compiled = pb.compile(f)
    for rows in (5, 4, 3):
        compiled(X[:rows])
    assert len(traced) == 1
    compiled(X[0])
    compiled(X.astype("f4"))
    assert len(traced) == len(compiled.programs) == 3

    program = pb.compile(pb.trace(f, x="N D"))
    assert [program(X[:rows]) for rows in (1, 4)] == [f(X[:1]), f(X[:4])]
    kept = []
    pb.trace(lambda x: kept.append(x * 2) or np.sum(x), x="N D")
    with pytest.raises(TraceError, match="ended"):
        kept[0] + 1


def weights_after(X, y, **options):
    net = pb.nn.Sequential(pb.nn.Dense(1, bias=False, weights="glorot"))
    settings = {"task": "regression", "dtype": "float64", "epochs": 1, **options}
    return pb.train(net, X, y, loss=pb.losses.SquaredError(**REDUCTION), **settings)


REDUCTION: dict[str, str] = {}


def by_hand(X, y, W, batches, rate, reduction):
    """The notes' update, written out; the loss of each step before its update."""
    losses = []
    for rows in batches:
        error = X[rows] @ W - y[rows, None]
        size = len(error) if reduction == "mean" else 1
        losses.append(float(np.sum(error**2)) / size)
        W = W - rate * 2 * X[rows].T @ error / size
    return W, losses


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("size", [1, 2, 3, 5, "full"])
def test_training(reduction, size, monkeypatch):
    monkeypatch.setitem(REDUCTION, "reduction", reduction)
    y = X @ np.array([1.0, -2.0, 0.5])
    rate = 0.03
    options = {"batch_size": size, "optimizer": pb.optim.SGD(rate), "seed": 3}
    run = weights_after(X, y, **options)
    start = pb.nn.Sequential(pb.nn.Dense(1, bias=False, weights="glorot"))
    params, _ = start.init(np.random.default_rng(3), (3,))
    order = np.arange(5)
    if size not in (5, "full"):
        from pullback.data.batches import epoch_order

        order = epoch_order(5, 3, 1)
    step = 5 if size == "full" else size
    batches = [order[first : first + step] for first in range(0, 5, step)]
    W, losses = by_hand(X, y, params["W1"], batches, rate, reduction)
    assert np.allclose(run.model.params["W1"], W, rtol=1e-12)
    shares = [len(rows) if reduction == "mean" else 1 for rows in batches]
    total = sum(loss * share for loss, share in zip(losses, shares, strict=True))
    expected = total / (5 if reduction == "mean" else 1)
    assert np.isclose(run.history[1]["loss"], expected, rtol=1e-12)
    assert "# backward" in run.step.to_numpy()
    again = weights_after(X, y, **options)
    assert again.model.params["W1"].tobytes() == run.model.params["W1"].tobytes()
    assert [h["loss"] for h in again.history] == [h["loss"] for h in run.history]


def test_update_rule():
    class Halved:
        """Moves by half of what SGD would, and counts in its state."""

        learning_rate = 0.1

        def init(self, params):
            return {"moved": {name: np.zeros_like(value) for name, value in params.items()}}

        def numbers(self, step, learning_rate):
            return {"learning_rate": learning_rate, "half": 0.5 + 0.0 * step}

        def update(self, gradients, state, params, numbers):
            rate = numbers["learning_rate"] * numbers["half"]
            moves = {name: rate * gradients[name] for name in params}
            moved = {name: state["moved"][name] + moves[name] for name in params}
            return {name: params[name] - moves[name] for name in params}, {"moved": moved}

    y = X @ np.array([1.0, -2.0, 0.5])
    settings = {"loss": pb.losses.SquaredError(), "dtype": "float64", "epochs": 4}
    net = pb.nn.Sequential(pb.nn.Dense(1))
    own = pb.train(net, X, y, optimizer=Halved(), batch_size=2, **settings)
    sgd = pb.train(net, X, y, optimizer=pb.optim.SGD(0.05), batch_size=2, **settings)
    for name, value in sgd.model.params.items():
        assert np.allclose(own.model.params[name], value, rtol=1e-12)
    assert "moved_W1" in own.step.to_numpy()
    programs = own.step
    scheduled = pb.train(
        net,
        X,
        y,
        optimizer=Halved(),
        batch_size=2,
        schedule=lambda step: 1 / (1 + step),
        **settings,
    )
    assert scheduled.step.fingerprint() == programs.fingerprint()


def test_random_numbers():
    from pullback.tracing import uniform_like

    program = pb.trace(lambda x: uniform_like(x) + 10 * uniform_like(2 * x), x="N 3")
    whole = program(X, seed=5, step=7)
    assert np.array_equal(whole, program(X, seed=5, step=7))
    assert np.array_equal(whole[2:], program(X[2:], seed=5, step=7, first_row=2))
    first, second = whole % 1, whole // 1
    assert not np.allclose(first * 10, second, atol=1)
    for other in (program(X, seed=6, step=7), program(X, seed=5, step=8)):
        assert not np.any(whole == other)
    masked = pb.trace(lambda x: np.sum(np.where(uniform_like(x) < 0.5, x**2, 0.0)), x="N 3")
    gradient = pb.grad(masked)(X, seed=5)
    assert np.array_equal(gradient != 0, pb.trace(uniform_like, x="N 3")(X, seed=5) < 0.5)
    pb.check_gradients(masked, X, seed=5)
    single = program.astype("f4")(X.astype("f4"), seed=5, step=7)
    assert np.allclose(single, whole, atol=1e-5)
