"""Full batch, mini-batch and online; sampling; accumulation; weights; penalties; validation."""

import numpy as np
import pytest

import pullback as pb
from pullback.data.batches import batch_slices, drawn_order
from pullback.errors import DataError, UsageError
from pullback.tracing import trace_avals
from pullback.training import Callback, prepare, programs

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(50, 4)), RANDOM.integers(0, 3, size=50)


def network(*between):
    return pb.nn.Sequential(pb.nn.Dense(8), pb.nn.Tanh(), *between, pb.nn.Dense(3))


def trained(net=None, x=X, y=Y, **settings):
    settings = {"dtype": "float64", "epochs": 3, "optimizer": pb.optim.Adam(0.01)} | settings
    return pb.train(net or network(), x, y, **settings)


def same(left, right, rtol=0.0):
    pairs = [(left.model.params[name], right.model.params[name]) for name in left.model.params]
    return all(np.allclose(a, b, rtol=rtol, atol=rtol * 1e-3) for a, b in pairs)


def test_accumulated_batches_are_one_large_batch():
    large = trained(batch_size=15)
    small = trained(batch_size=5, accumulate=3)
    assert same(large, small, 1e-9)
    assert not same(large, trained(batch_size=5), 1e-9)
    for a, b in zip(large.history, small.history, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)
        assert a["accuracy"] == b["accuracy"]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_accumulation_with_weights_a_penalty_and_random_masks(reduction):
    settings = {
        "loss": pb.losses.CrossEntropy(reduction=reduction),
        "sample_weight": RANDOM.uniform(0, 3, size=50),
        "penalty": pb.losses.L2(0.1),
        "optimizer": pb.optim.SGD(0.002),
    }
    net = network(pb.nn.Dropout(0.4))
    large = trained(net, batch_size=20, **settings)
    small = trained(net, batch_size=7, accumulate=3, **settings)
    one = trained(net, batch_size=21, **settings)
    assert same(one, small, 1e-8)
    assert not same(large, small, 1e-8)
    for a, b in zip(one.history, small.history, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-8)
        assert a["penalty"] == pytest.approx(b["penalty"], rel=1e-8)


def test_a_row_with_weight_two_counts_as_two_rows():
    doubled = np.concatenate([X, X[:10]]), np.concatenate([Y, Y[:10]])
    weights = np.ones(50)
    weights[:10] = 2
    assert same(
        trained(batch_size="full", sample_weight=weights),
        trained(x=doubled[0], y=doubled[1], batch_size="full"),
        1e-9,
    )


def test_rows_without_weight_teach_nothing():
    weights = np.repeat([1.0, 0.0], 25)
    some = trained(sample_weight=weights, batch_size=5, sampling="ordered")
    assert same(some, trained(x=X[:25], y=Y[:25], batch_size=5, sampling="ordered"), 1e-9)
    assert some.history[-1]["loss"] > 0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weights", [np.tile([1.0, 0.0], 25), np.repeat([2.0, 0.0], 25)])
def test_an_accumulated_batch_without_weight_is_seen_as_in_one_large_batch(reduction, weights):
    settings = {
        "loss": pb.losses.CrossEntropy(reduction=reduction),
        "sample_weight": weights,
        "sampling": "ordered",
        "optimizer": pb.optim.SGD(0.01),
    }
    large = trained(batch_size=50, **settings)
    small = trained(batch_size=1, accumulate=50, **settings)
    assert same(large, small, 1e-9)
    for a, b in zip(large.history, small.history, strict=True):
        assert a["accuracy"] == b["accuracy"]
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-9)


def test_accumulated_batches_are_normed_one_by_one():
    """BatchNorm alone does not see one large batch: its mean is that of the rows at hand."""
    net = pb.nn.Sequential(pb.nn.Dense(3), pb.nn.BatchNorm(momentum=0.25))
    settings = {"epochs": 1, "sampling": "ordered", "optimizer": pb.optim.SGD(0.1)}
    kept = []

    class KeepsTheState(Callback):
        def on_end(self, training):
            kept.append(training.state)

    run = trained(net, batch_size=20, accumulate=3, callbacks=[KeepsTheState()], **settings)
    params, _ = net.init(np.random.default_rng(0), (4,))
    lots = [slice(0, 20), slice(20, 40), slice(40, 50)]
    mean, moved = np.zeros(3), {"gamma1": 0.0, "beta1": 0.0}
    for lot in lots:
        z = X[lot] @ params["W1"] + params["b1"]
        mean += 0.25 * (z.mean(axis=0) - mean)
        normed = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
        p = np.exp(normed) / np.sum(np.exp(normed), axis=1, keepdims=True)
        error = (p - np.eye(3)[Y[lot]]) / 50
        moved["gamma1"] += 0.1 * np.sum(error * normed, axis=0)
        moved["beta1"] += 0.1 * np.sum(error, axis=0)
    for name, step in moved.items():
        assert np.allclose(params[name] - run.model.params[name], step, rtol=1e-9)
    assert np.allclose(kept[0]["mean1"], mean, rtol=1e-12)
    assert not same(run, trained(net, batch_size=50, **settings), 1e-6)


def test_a_last_batch_of_17_is_a_mean_over_17():
    """One step on 33 rows, one on 17: each by the formula of softmax regression."""
    net = pb.nn.Sequential(pb.nn.Dense(3))
    settings = {"epochs": 1, "sampling": "ordered", "batch_size": 33}
    for reduction, rate, divided in (("mean", 0.5, True), ("sum", 0.01, False)):
        loss = pb.losses.CrossEntropy(reduction=reduction)
        run = trained(net, loss=loss, optimizer=pb.optim.SGD(rate), **settings)
        params, _ = net.init(np.random.default_rng(0), (4,))
        W, b = params["W1"], params["b1"]
        for lot in (slice(0, 33), slice(33, 50)):
            e = np.exp(X[lot] @ W + b)
            error = e / np.sum(e, axis=1, keepdims=True) - np.eye(3)[Y[lot]]
            error /= len(error) if divided else 1
            W, b = W - rate * X[lot].T @ error, b - rate * np.sum(error, axis=0)
        assert np.allclose(run.model.params["W1"], W, rtol=1e-12)
        assert np.allclose(run.model.params["b1"], b, rtol=1e-12)


def test_class_weights_are_sample_weights():
    by_class = {0: 3.0, 2: 0.5}
    rows = np.array([by_class.get(int(label), 1.0) for label in Y])
    weighted = trained(class_weight=by_class)
    assert same(weighted, trained(sample_weight=rows))
    counts = np.bincount(Y)
    assert same(trained(class_weight="balanced"), trained(sample_weight=(50 / (3 * counts))[Y]))
    assert not same(weighted, trained(), 1e-6)


def test_the_penalty_is_part_of_the_loss_and_told_apart():
    run = trained(penalty=pb.losses.L2(0.3), epochs=1, batch_size="full")
    first = run.history[0]
    params, _ = network().init(np.random.default_rng(0), (4,))
    expected = 0.15 * sum(np.sum(params[name] ** 2) for name in ("W1", "W2"))
    assert first["penalty"] == pytest.approx(expected, rel=1e-12)
    assert first["loss"] - first["penalty"] == pytest.approx(trained().history[0]["loss"], rel=1e-9)
    assert run.history[1]["penalty"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_penalty_of_a_sum_counts_once_an_epoch(accumulate):
    """Else a run of many steps would seem to begin with a smaller loss than it goes on with."""
    run = trained(
        loss=pb.losses.CrossEntropy(reduction="sum"),
        penalty=pb.losses.L2(1.0),
        batch_size=5,
        accumulate=accumulate,
        optimizer=pb.optim.SGD(1e-9),
    )
    for record in run.history[1:]:
        for name in ("loss", "penalty"):
            assert record[name] == pytest.approx(run.history[0][name], rel=1e-6)
    assert not run.made_it_worse


def test_elastic_net_is_both_penalties_on_matrices_alone():
    run = trained(penalty=pb.losses.ElasticNet(0.2, 0.3), epochs=1, batch_size="full")
    params, _ = network().init(np.random.default_rng(0), (4,))
    matrices = [params[name] for name in ("W1", "W2")]
    expected = sum(0.2 * np.sum(np.abs(W)) + 0.15 * np.sum(W**2) for W in matrices)
    assert run.history[0]["penalty"] == pytest.approx(expected, rel=1e-12)


def test_a_penalty_pulls_weights_and_leaves_biases():
    free, held = trained(epochs=60), trained(epochs=60, penalty=pb.losses.L2(1.0))
    assert np.sum(held.model.params["W1"] ** 2) < 0.05 * np.sum(free.model.params["W1"] ** 2)
    assert np.any(held.model.params["b2"] != 0)


@pytest.mark.parametrize("sampling", ["shuffle", "replacement", "ordered"])
def test_each_sampling_is_its_own_and_repeats(sampling):
    runs = [trained(sampling=sampling, batch_size=10, seed=3) for _ in range(2)]
    assert same(*runs)
    others = {"shuffle", "replacement", "ordered"} - {sampling}
    assert not any(same(runs[0], trained(sampling=o, batch_size=10, seed=3)) for o in others)


def test_drawing_with_replacement():
    order = drawn_order(1000, seed=1, epoch=2)
    assert order.min() >= 0
    assert order.max() < 1000
    assert 550 < len(set(order.tolist())) < 710  # 1000 (1 - 1/e) = 632
    assert not np.array_equal(order, drawn_order(1000, seed=1, epoch=3))


def test_a_last_batch_that_is_too_small_joins_the_one_before():
    assert batch_slices(5, 2, least=2) == [slice(0, 2), slice(2, 5)]
    assert batch_slices(6, 2, least=2) == [slice(0, 2), slice(2, 4), slice(4, 6)]
    net = network(pb.nn.BatchNorm())
    run = trained(net, X[:41], Y[:41], batch_size=8)
    assert np.isfinite(run.history[-1]["loss"])
    with pytest.raises(UsageError, match=r"batch_size=1: BatchNorm.* at least 2 rows"):
        trained(net, batch_size=1)


def test_running_statistics_move_and_serve_prediction():
    net = network(pb.nn.BatchNorm())
    run = trained(net, epochs=20)
    alone = [run.model.predict_proba(row[None])[0] for row in X[:5]]
    assert np.allclose(alone, run.model.predict_proba(X)[:5], rtol=1e-12)


def test_a_validation_share_is_held_out_class_by_class():
    ready = prepare(network(), X, Y, validation=0.2)
    assert (len(ready.plan.rows), len(ready.plan.validation)) == (40, 10)
    held_out = {row.tobytes() for row in ready.plan.validation.x}
    assert not held_out & {row.tobytes() for row in ready.rows}
    run = trained(validation=0.2)
    assert {"validation_loss", "validation_accuracy"} <= set(run.history[0])
    with pytest.raises(DataError, match="validation share"):
        trained(validation=1.5)


def test_metrics_of_ones_own():
    def margin(outputs, targets):
        return np.sum(outputs * targets, axis=1) - np.mean(outputs, axis=1)

    run = trained(metrics={"margin": margin}, validation=0.2)
    assert {"margin", "validation_margin", "accuracy"} <= set(run.history[-1])
    assert run.history[-1]["margin"] > run.history[0]["margin"]
    with pytest.raises(UsageError, match="one number per row"):
        trained(metrics={"margin": lambda outputs, targets: np.mean(outputs)})
    with pytest.raises(UsageError, match="'loss' cannot be the name"):
        trained(metrics={"loss": margin})


def test_a_schedule_is_a_function_of_the_updates_done():
    seen = []
    run = trained(schedule=lambda step: seen.append(step) or 0.0, batch_size=10)
    assert max(seen) == 14
    assert same(run, trained(optimizer=pb.optim.Adam(1e-300)), 1e-12)
    cosine = trained(schedule=pb.optim.Cosine(), epochs=4, batch_size=10)
    rates = [record["learning_rate"] for record in cosine.history]
    assert rates[0] == 0.01
    assert rates == sorted(rates, reverse=True)


def test_a_schedule_over_the_run_ends_with_its_last_step():
    """Also where a last batch is too small and joins the one before it."""
    cycle = {"schedule": pb.optim.OneCycle(end=0.125), "epochs": 3, "batch_size": 8}
    for net in (network(), network(pb.nn.BatchNorm())):
        run = trained(net, X[:41], Y[:41], **cycle)
        assert run.history[-1]["learning_rate"] == pytest.approx(0.125 * 0.01, rel=1e-12)


def test_a_run_traces_as_often_for_many_epochs_as_for_one(monkeypatch):
    traced = []

    def counting(*args):
        traced.append(args)
        return trace_avals(*args)

    monkeypatch.setattr(programs, "trace_avals", counting)
    counts = []
    for epochs in (1, 5):
        settings = {"schedule": pb.optim.Cosine(), "penalty": pb.losses.L2(0.1)}
        trained(epochs=epochs, validation=0.2, average=0.9, accumulate=2, **settings)
        counts.append(len(traced))
        traced.clear()
    assert counts[0] == counts[1] > 0


def test_no_setting_that_is_a_number_makes_another_step():
    """Each is an input of the step, or the default of one: the equations are the same."""

    def step(**others):
        settings = {"optimizer": pb.optim.AdamW(1e-3), "penalty": pb.losses.L2(0.1)}
        settings |= {"clip_norm": 1.0, "average": 0.9} | others
        net = network(pb.nn.LeakyReLU(0.1), pb.nn.Dropout(0.2))
        return str(prepare(settings.pop("net", net), X, Y, **settings).step)

    rule = pb.optim.AdamW(0.5, beta1=0.1, beta2=0.2, epsilon=1e-3, weight_decay=0.4)
    same_step = [
        {"optimizer": rule},
        {"penalty": pb.losses.L2(3.0)},
        {"clip_norm": 0.1, "average": 0.5},
        {"schedule": pb.optim.Cosine()},
        {"batch_size": 7, "seed": 5, "sampling": "replacement"},
        {"net": network(pb.nn.LeakyReLU(0.3), pb.nn.Dropout(0.4))},
    ]
    assert {step(**others) for others in same_step} == {step()}
    assert step(penalty=pb.losses.L1(0.1)) != step()


@pytest.mark.parametrize("accumulate", [1, 2])
def test_updates_count_from_1_across_epochs(accumulate):
    """Adam with its corrections as in the paper, and the mean of its weights, by hand."""
    net, decay = pb.nn.Sequential(pb.nn.Dense(3, bias=False)), 0.8
    settings = {"average": decay, "sampling": "ordered", "optimizer": pb.optim.Adam(0.1)}
    run = trained(net, batch_size=20 // accumulate, accumulate=accumulate, **settings)
    W = net.init(np.random.default_rng(0), (4,))[0]["W1"]
    m, v, path = np.zeros_like(W), np.zeros_like(W), []
    for t, lot in enumerate([slice(0, 20), slice(20, 40), slice(40, 50)] * 3, start=1):
        e = np.exp(X[lot] @ W)
        error = e / np.sum(e, axis=1, keepdims=True) - np.eye(3)[Y[lot]]
        g = X[lot].T @ error / len(error)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
        W = W - 0.1 * m_hat / (np.sqrt(v_hat) + 1e-8)
        path.append(W)
    shares = decay ** np.arange(len(path))[::-1]
    mean = np.tensordot(shares / np.sum(shares), path, axes=1)
    # Rounding alone, but 1 - 0.999 cancels: 1e-13 of v.
    assert np.allclose(run.model.params["W1"], mean, rtol=1e-10)


def test_averaged_weights_are_what_evaluates_and_predicts():
    run = trained(average=0.9, epochs=5, batch_size="full", validation=(X, Y))
    plain = trained(epochs=5, batch_size="full")
    assert not same(run, plain, 1e-6)
    loss = pb.losses.CrossEntropy()(run.model.outputs(X), np.eye(3)[Y])
    assert run.history[-1]["validation_loss"] == pytest.approx(loss, rel=1e-9)


def test_clipping_bounds_the_step():
    run = trained(optimizer=pb.optim.SGD(1.0), clip_value=1e-6, epochs=1, batch_size="full")
    start, _ = network().init(np.random.default_rng(0), (4,))
    moves = [np.max(np.abs(run.model.params[name] - start[name])) for name in start]
    assert max(moves) == pytest.approx(1e-6, rel=1e-6)
    run = trained(optimizer=pb.optim.SGD(1.0), clip_norm=1e-3, epochs=1, batch_size="full")
    squares = [np.sum((run.model.params[name] - start[name]) ** 2) for name in start]
    assert np.sqrt(sum(squares)) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"accumulate": 0}, "accumulate=0"),
        ({"sampling": "random"}, "sampling='random'"),
        ({"clip_value": 0}, "clip_value=0"),
        ({"clip_norm": -1.0}, "clip_norm=-1.0"),
        ({"average": 1.0}, "average=1.0"),
        ({"early_stopping": 3}, "early_stopping needs validation"),
        ({"validation": 0.2, "early_stopping": 0}, "early_stopping=0"),
        ({"metrics": ["accuracy"]}, "metrics="),
        ({"class_weight": {7: 1.0}}, "7 is none of the classes"),
        ({"class_weight": {0: -1.0}}, "must be finite and >= 0"),
        ({"class_weight": "even"}, "class_weight='even'"),
        ({"sample_weight": np.ones(3)}, "sample_weight has shape"),
        ({"sample_weight": -np.ones(50)}, r"sample_weight\[0\] is -1"),
        ({"sample_weight": np.zeros(50)}, "0 for every row"),
        ({"callbacks": [3]}, "callbacks: 3"),
        ({"callbacks": [pb.training.EarlyStopping]}, "write EarlyStopping"),
        ({"schedule": 0.5}, "schedule=0.5"),
        ({"checkpoint_every": -1}, "checkpoint_every=-1"),
        ({"checkpoint_every": float("nan")}, "checkpoint_every=nan"),
        ({"penalty": "l2"}, "l2"),
        ({"target_scaling": "standard"}, "class labels"),
    ],
    ids=str,
)
def test_bad_settings_fail_in_one_sentence(settings, told):
    with pytest.raises((UsageError, DataError), match=told) as caught:
        trained(**settings)
    assert "\n" not in str(caught.value)


def test_scaled_targets_keep_their_unit_outside():
    targets = 200 + 70 * X[:, 0]
    settings = {"loss": pb.losses.SquaredError(), "epochs": 200, "scaling": "standard"}
    net = pb.nn.Sequential(pb.nn.Dense(1))
    run = pb.train(net, X, targets, target_scaling="standard", **settings)
    assert np.allclose(np.ravel(run.model.predict(X)), targets, rtol=0.02)
