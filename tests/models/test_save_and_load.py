"""A model file is complete in itself: the same bits back, in any process, without its author."""

import copy
import json
import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest

import pullback as pb
from pullback.errors import StorageError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(5000, 4))  # more rows than are predicted at once
Y = RANDOM.integers(0, 3, size=5000)
LABELS = np.array(["setosa", "versicolor", "virginica"])


def classifier(dtype="float32", scaling="standard", labels=LABELS, activation=None, **settings):
    network = pb.nn.Sequential(pb.nn.Dense(6), activation or pb.nn.ReLU(), pb.nn.Dense(len(labels)))
    y = np.asarray(labels)[Y % len(labels)]
    settings = {"batch_size": 500, "epochs": 1, **settings}
    return pb.train(network, X, y, dtype=dtype, scaling=scaling, **settings).model


def regressor():
    network = pb.nn.Sequential(pb.nn.Dense(6), pb.nn.Sigmoid(), pb.nn.Dense(2))
    return pb.train(network, X, X[:, :2], loss=pb.losses.SquaredError(), epochs=1).model


def same_bits(left, right):
    assert left.dtype == right.dtype
    assert left.shape == right.shape
    if left.dtype.kind in "OT":
        assert left.tolist() == right.tolist()
    else:
        assert left.tobytes() == right.tobytes()


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
@pytest.mark.parametrize("made", [classifier, regressor])
def test_the_same_bits_from_a_copy(made, copied):
    model = made()
    other = copied(model)
    for method in ("outputs", "predict"):
        same_bits(getattr(other, method)(X), getattr(model, method)(X))
    assert str(other) == str(model)
    assert other.info == model.info
    for name, program in model.programs.items():
        assert other.programs[name].fingerprint() == program.fingerprint()
    for name, value in model.params.items():
        assert not np.shares_memory(other.params[name], value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scaling", [None, "standard", "unit"])
def test_the_same_bits_after_loading(tmp_path, dtype, scaling):
    model = classifier(dtype, scaling)
    model.save(tmp_path / "model.safetensors")
    loaded = pb.load(tmp_path / "model.safetensors")
    for method in ("outputs", "predict", "predict_proba"):
        same_bits(getattr(loaded, method)(X), getattr(model, method)(X))
    assert loaded.layers == model.layers
    assert loaded.inputs == model.inputs
    assert loaded.classes == model.classes
    assert loaded.info == model.info
    assert str(loaded) == str(model)
    assert {name: value.tobytes() for name, value in loaded.params.items()} == {
        name: value.tobytes() for name, value in model.params.items()
    }
    for name, program in model.programs.items():
        assert loaded.programs[name].fingerprint() == program.fingerprint()


@pytest.mark.parametrize(
    "labels",
    [[-3, 7, 2**62], [False, True], [0.1, 0.5, -1e-300], ["ä", "", "z" * 40]],
    ids=["ints", "bools", "floats", "strings"],
)
def test_labels_come_back_as_they_were(tmp_path, labels):
    model = classifier(labels=labels)
    model.save(tmp_path / "m")
    loaded = pb.load(tmp_path / "m")
    same_bits(loaded.classes.labels, model.classes.labels)
    same_bits(loaded.predict(X[:50]), model.predict(X[:50]))


def test_regression_models(tmp_path):
    model = regressor()
    model.save(tmp_path / "m")
    loaded = pb.load(tmp_path / "m")
    same_bits(loaded.predict(X), model.predict(X))
    assert loaded.classes is None
    assert list(loaded.programs) == ["outputs", "predictions", "loss"]


def test_more_than_nine_layers_keep_their_order(tmp_path):
    layers = [pb.nn.Dense(size) for size in range(2, 14)]
    network = pb.nn.Sequential(*layers, pb.nn.Dense(2))
    model = pb.train(network, X, Y > 0, optimizer=pb.optim.SGD(1e-3), epochs=1).model
    model.save(tmp_path / "m")
    loaded = pb.load(tmp_path / "m")
    assert list(loaded.params) == list(model.params)
    same_bits(loaded.predict_proba(X), model.predict_proba(X))


def test_saving_twice_gives_the_same_bytes(tmp_path):
    model = classifier()
    model.save(tmp_path / "a")
    pb.load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_run_folder_is_a_path_too(tmp_path):
    network = pb.nn.Sequential(pb.nn.Dense(3))
    run = pb.train(network, X, Y, epochs=1, info={"feature_names": ["a", "b", "c", "d"]})
    run.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "history.csv",
        "model.safetensors",
        "settings.json",
        "training_step.py",
    ]
    loaded = pb.load(tmp_path)
    assert loaded.info == {"feature_names": ["a", "b", "c", "d"], "loss": "CrossEntropy"}
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == dict(run.settings)
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,loss,accuracy")
    assert len(lines) == 3
    scope = {}
    exec((tmp_path / "training_step.py").read_text(), scope)
    assert callable(scope["training_step"])


ELSEWHERE = """
import sys

class OnlyWhatIsNeeded:
    def find_spec(self, name, path=None, target=None):
        allowed = {"numpy", "safetensors", "pullback"}
        top = name.split(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not needed")

sys.meta_path.insert(0, OnlyWhatIsNeeded())
import numpy as np
import pullback as pb
model = pb.load(sys.argv[1])
X = np.load(sys.argv[2])
np.savez(sys.argv[3], outputs=model.outputs(X), predict=model.predict(X),
         predict_proba=model.predict_proba(X))
print(sorted({name.split(".")[0] for name in sys.modules} & {"sklearn", "scipy", "numba"}))
"""


def load_elsewhere(tmp_path, model):
    """Its predictions in a fresh process, in another folder, with NumPy and safetensors alone."""
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "X.npy", X)
    arguments = [str(tmp_path / name) for name in ("m.safetensors", "X.npy", "out.npz")]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == "[]\n"
    with np.load(tmp_path / "out.npz") as found:
        for method in ("outputs", "predict", "predict_proba"):
            same_bits(found[method], getattr(model, method)(X))


def test_a_fresh_process_needs_numpy_and_safetensors_only(tmp_path):
    load_elsewhere(tmp_path, classifier())


def test_a_custom_activation_loads_without_its_authors_code(tmp_path):
    slope = 0.3
    model = classifier(activation=lambda h: np.where(h > 0, np.sin(h), slope * np.expm1(h)))
    assert model.layers == ("Dense(6)", "<lambda>", "Dense(3)")
    load_elsewhere(tmp_path, model)


def test_an_activation_that_captures_an_array(tmp_path):
    shift = np.linspace(-1, 1, 6)
    model = classifier(activation=lambda h: np.tanh(h + shift), dtype="float64")
    before = model.outputs(X)
    shift += 5  # the model keeps its own copy
    same_bits(model.outputs(X), before)
    load_elsewhere(tmp_path, model)


def test_nothing_is_pickled(tmp_path):
    model = classifier(activation=lambda h: h**2)
    model.save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert set(header) == {"__metadata__", "W1", "b1", "W2", "b2"}
    assert set(header["__metadata__"]) == {"model", "programs"}
    assert str(tmp_path).encode() not in data
    assert b"test_save_and_load" not in data


def test_saving_replaces_the_file_whole_or_not_at_all(tmp_path):
    file = tmp_path / "m"
    classifier().save(file)
    before = file.read_bytes()
    broken = classifier()
    object.__setattr__(broken, "params", {"W1": np.array(["text"])})
    with pytest.raises(StorageError):
        broken.save(file)
    assert file.read_bytes() == before


# -------------------------------------------------------------------------- files that are none


def refused(path):
    with pytest.raises(StorageError) as caught:
        pb.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    return text


def rewritten(path, change):
    """The model file with its header changed."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    classifier().save(path)
    return path


def test_missing_files(tmp_path):
    assert "no file" in refused(tmp_path / "nowhere")
    assert "model.safetensors" in refused(tmp_path)  # a folder without a model


def test_damaged_files(file):
    whole = file.read_bytes()
    for damaged in (b"", b"{}", whole[:7], whole[:100], whole[:-3], b"\x00" * 64, whole[50:]):
        file.write_bytes(damaged)
        assert str(file) in refused(file)


def test_foreign_safetensors_files(file):
    rewritten(file, lambda header: header.pop("__metadata__"))
    assert refused(file) == f"{file} is not a Pullback model (version 2)."


def tampered(key, change):
    def change_header(header):
        metadata = header["__metadata__"]
        metadata[key] = json.dumps(change(json.loads(metadata[key])))

    return change_header


def other_format(model):
    return {**model, "format": "other"}


def later_version(model):
    return {**model, "version": 3}


def without_layers(model):
    return {key: value for key, value in model.items() if key != "layers"}


def inputs_as_text(model):
    return {**model, "inputs": "many"}


def classes_out_of_order(model):
    classes = model["classes"]
    return {**model, "classes": {**classes, "labels": classes["labels"][::-1]}}


def no_classes_at_all(model):
    return {**model, "classes": {"labels": 3}}


def a_list(model):
    return [model]


CHANGES = [
    other_format,
    later_version,
    without_layers,
    inputs_as_text,
    classes_out_of_order,
    no_classes_at_all,
    a_list,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_tampered_descriptions(file, change):
    rewritten(file, tampered("model", change))
    assert str(file) in refused(file)


def without_outputs(programs):
    return {"probabilities": programs["probabilities"]}


def empty_text(programs):
    return {**programs, "outputs": ""}


def not_json(programs):
    return {**programs, "outputs": "{" + programs["outputs"]}


def unknown_primitive(programs):
    return {**programs, "outputs": programs["outputs"].replace('"maximum"', '"__import__"')}


def other_primitive(programs):
    return {**programs, "outputs": programs["outputs"].replace('"matmul"', '"exp"')}


def code_for_a_name(programs):
    return {**programs, "outputs": programs["outputs"].replace('"W1"', '"x); import os; ("')}


def other_shape(programs):
    return {**programs, "outputs": programs["outputs"].replace("6", "7")}


def not_a_text(programs):
    return {**programs, "outputs": {"equations": []}}


PROGRAM_CHANGES = [
    without_outputs,
    empty_text,
    not_json,
    unknown_primitive,
    other_primitive,
    code_for_a_name,
    other_shape,
    not_a_text,
    a_list,
]


@pytest.mark.parametrize("change", PROGRAM_CHANGES, ids=lambda f: f.__name__)
def test_tampered_programs(file, change):
    before = file.read_bytes()
    rewritten(file, tampered("programs", change))
    assert file.read_bytes() != before
    assert str(file) in refused(file)


def test_metadata_that_is_no_json(file):
    rewritten(file, lambda header: header["__metadata__"].update(model="{"))
    assert str(file) in refused(file)


def test_parameters_that_are_missing(file):
    def rename(header):
        header["W3"] = header.pop("W2")

    rewritten(file, rename)
    assert str(file) in refused(file)


def test_parameters_of_another_shape(file):
    def turn(header):
        header["W2"]["shape"] = header["W2"]["shape"][::-1]

    rewritten(file, turn)
    assert str(file) in refused(file)
