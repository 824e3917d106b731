"""Models that predict natively. The emitted loops run as they stand, without a compiler."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import pullback as pb
from pullback.engines import choice
from pullback.engines.native import NotCompilable, execution, machine
from pullback.errors import DataError, UsageError
from pullback.models import answers

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(30, 3)).astype("f4")
Y = np.array(["left", "right", "up"])[RANDOM.integers(0, 3, size=30)]


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch):
    """The native engine without Numba; what was loaded is listed."""
    loaded = []

    def plain(source, entry, arguments):
        loaded.append(source)
        return machine.load_plain(source)[entry]

    monkeypatch.setattr(machine, "load_native", plain)
    monkeypatch.setattr(choice, "missing_for_native", lambda: "")
    return loaded


@pytest.fixture(scope="module")
def trained():
    layers = [pb.nn.Dense(4), pb.nn.BatchNorm(), pb.nn.ReLU(), pb.nn.Dense(3)]
    return pb.train(pb.nn.Sequential(*layers), X, Y, epochs=3, engine="reference").model


@pytest.fixture
def native(trained):
    return trained.with_engine("native")


@pytest.mark.parametrize("rows", [0, 1, 2, 30])
def test_the_same_as_on_the_reference_engine(native, trained, rows):
    x = X[:rows]
    assert native.predict(x).tolist() == trained.predict(x).tolist()
    assert native.predict(x).dtype == trained.predict(x).dtype
    for method in ("outputs", "predict_proba"):
        got, want = getattr(native, method)(x), getattr(trained, method)(x)
        assert got.dtype == want.dtype
        assert got.shape == want.shape
        assert np.allclose(got, want, rtol=1e-5, atol=1e-6)


def test_each_program_is_loaded_once_for_all_rows(native, uncompiled):
    for rows in (1, 2, 30, 1):
        native.predict(X[:rows])
    assert len(uncompiled) == 1
    bound = native._ready["predictions"]._calls
    native.predict(X[:2])
    assert bound is native._ready["predictions"]._calls is not None


def test_the_rows_of_a_call_are_cut_where_memory_for_all_would_be_needed(trained, monkeypatch):
    native = trained.with_engine("native")
    monkeypatch.setattr(answers, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr("pullback.engines.native.calls.Calls.is_tiled", False)
    assert np.allclose(native.outputs(X), trained.outputs(X), rtol=1e-5, atol=1e-6)
    wrong = X.copy()
    wrong[25, 1] = np.nan
    with pytest.raises(DataError, match=r"X\[25, 1\] is nan"):
        native.outputs(wrong)


def test_the_engine_depends_on_the_number_of_rows_not_on_calls_before(trained, monkeypatch):
    monkeypatch.setattr(answers, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr("pullback.engines.native.calls.Calls.is_tiled", False)
    monkeypatch.setattr(choice, "rows_not_worth_compiling", lambda program: 20)
    auto = trained.with_engine("auto")
    assert np.allclose(auto.outputs(X), trained.outputs(X), rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(answers.Answers, "_on_reference", lambda *_: "reference")
    assert auto.outputs(X[:7]) == "reference"  # so many were a part of the call before


def test_parameters_that_do_not_fit_are_refused_in_a_later_call_too(trained):
    params = dict(trained.params)
    model = pb.models.Model(trained.layers, params, trained.programs, None, 3, {}, "native")
    model.outputs(X)
    params["extra"] = params["b2"]
    with pytest.raises(pb.PullbackError):
        model.outputs(X)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [1, 30])
def test_rows_that_are_not_finite(native, bad, rows):
    wrong = X[:rows].copy()
    wrong[rows - 1, 1] = bad
    # Uncompiled, the loops warn of infinity times 0.
    with np.errstate(invalid="ignore"), pytest.raises(DataError) as caught:
        native.predict(wrong)
    assert str(caught.value) == f"X[{rows - 1}, 1] is {bad}; allowed are finite numbers."
    assert native.predict(X[:rows]).shape == (rows,)


def test_other_kinds_of_rows(native, trained):
    native.outputs(X)
    native.outputs(X[:1])
    for x in (X.astype("f8"), X.tolist(), X[::-1], np.asfortranarray(X), X[:1].astype(">f4")):
        assert np.allclose(native.outputs(x), trained.outputs(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(DataError, match=r"X has shape \(1, 4\), the model needs \(rows, 3\)"):
        native.predict(np.ones((1, 4), "f4"))
    with pytest.raises(DataError, match="X is a masked array"):
        native.outputs(np.ma.masked_array(X, mask=X > 1))
    with pytest.raises(DataError, match=r"X must hold numbers: could not convert string"):
        native.outputs(np.full(X.shape, "a"))
    with pytest.raises(DataError, match=r"X must hold numbers: these are complex"):
        native.outputs(X.astype(complex))
    with pytest.raises(DataError, match=r"X has shape \(3,\), the model needs \(rows, 3\)"):
        native.outputs(X[0])


@pytest.mark.parametrize("how", ["written to", "replaced", "read only", "another order"])
def test_parameters_that_change_are_seen(trained, how):
    params = {name: value.copy() for name, value in trained.params.items()}
    if how == "another order":
        params["W1"] = np.asfortranarray(params["W1"])
    models = [
        pb.models.Model(trained.layers, params, trained.programs, None, 3, {}, engine)
        for engine in ("native", "reference")
    ]
    for step in range(3):
        got, want = (model.outputs(X[:2]) for model in models)
        assert np.allclose(got, want, rtol=1e-5, atol=1e-6)
        if how == "replaced":
            params["W1"] = params["W1"] + np.float32(step + 1)
        elif how == "read only":
            params["W1"].flags.writeable = False
        else:
            params["W1"][...] += step + 1
    other = {**params, "W1": np.ones((2, 2), "f4")}
    with pytest.raises(pb.PullbackError, match="W1"):
        pb.models.Model(trained.layers, other, trained.programs, None, 3, {}, "native").outputs(X)


def test_a_label_outside_the_classes_is_refused(trained, monkeypatch):
    native = trained.with_engine("native")
    for place in (-1, 3):
        monkeypatch.setattr(type(native), "_run", lambda *_, place=place: np.array([place]))
        with pytest.raises(DataError, match=f"The class index {place} is outside 0..2"):
            native.predict(X[:1])


def test_auto_takes_the_native_engine_for_many_rows_only(trained, monkeypatch, uncompiled):
    most = choice.rows_not_worth_compiling(trained.programs["outputs"])
    seconds = [
        choice.estimated_seconds(trained.programs["outputs"], {"N": n}, 1) for n in (most, most + 2)
    ]
    assert seconds[0] <= choice.compiling_seconds(trained.programs["outputs"]) < seconds[1]
    enough = choice.estimated_seconds(trained.programs["outputs"], {"N": 20}, 1) * 1.0001
    monkeypatch.setattr(choice, "compiling_seconds", lambda program: enough)
    auto = trained.with_engine("auto")
    auto.outputs(X[:20])
    assert not uncompiled
    auto.outputs(X[:22])
    assert len(uncompiled) == 1
    monkeypatch.setattr(choice, "missing_for_native", lambda: "not installed")
    trained.with_engine("auto").outputs(X)
    assert len(uncompiled) == 1


def test_the_engine_is_saved_and_loaded(native, trained, tmp_path, monkeypatch):
    native.save(tmp_path / "m.safetensors")
    assert pb.load(tmp_path / "m.safetensors").engine == "native"
    assert pb.load(tmp_path / "m.safetensors", engine="auto").engine == "auto"
    monkeypatch.setattr(choice, "missing_for_native", lambda: "The native engine needs Numba.")
    here = pb.load(tmp_path / "m.safetensors")
    assert here.engine == "auto"
    assert np.array_equal(here.outputs(X), trained.outputs(X))
    with pytest.raises(UsageError, match=r"engine='native': The native engine needs Numba\."):
        pb.load(tmp_path / "m.safetensors", engine="native")


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_a_model_that_has_predicted_can_be_copied(native, copied):
    before = native.outputs(X)
    other = copied(native)
    assert other.engine == "native"
    assert "_ready" not in vars(other)
    assert np.array_equal(other.outputs(X), before)
    assert np.array_equal(native.outputs(X), before)


def test_what_cannot_be_compiled(trained, monkeypatch):
    def refuse(*_):
        raise NotCompilable("h1 = sort(...) cannot be compiled: there are no loops.")

    monkeypatch.setattr(execution, "NativeExecutable", refuse)
    with pytest.raises(
        UsageError, match=r"engine='native': h1 = sort\(\.\.\.\) cannot be compiled"
    ):
        trained.with_engine("native")
    with pytest.raises(UsageError, match="engine='nativ'.*Did you mean 'native'"):
        trained.with_engine("nativ")
    # A model that was trained natively predicts all the same.
    given = trained.layers, trained.params, trained.programs, trained.classes, 3, {}
    model = pb.models.Model(*given, engine="native")
    with pytest.warns(UserWarning, match=r"on the reference engine: h1 = sort\(\.\.\.\)"):
        assert np.array_equal(model.outputs(X), trained.outputs(X))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.outputs(X)
