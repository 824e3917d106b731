"""Arrays come back as they were, the same contents give the same bytes, faults are named."""

import json
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pullback.errors import MissingExtraError, StorageError
from pullback.storage.tensors import load_tensors, save_tensors

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", ">f4", ">i8"]
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@settings(max_examples=80)
@given(
    tensors=st.dictionaries(NAMES, ARRAYS, max_size=4),
    metadata=st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"])), max_size=4),
)
def test_what_is_saved_is_loaded(tmp_path_factory, tensors, metadata):
    path = tmp_path_factory.mktemp("tensors") / "file.safetensors"
    save_tensors(path, tensors, metadata)
    loaded, texts = load_tensors(path)
    assert texts == metadata
    assert set(loaded) == set(tensors)
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype.newbyteorder("=")
        assert loaded[name].shape == tensor.shape
        assert np.array_equal(loaded[name], tensor, equal_nan=tensor.dtype.kind in "fc")
        assert loaded[name].flags.writeable


def test_views_are_saved_by_value(tmp_path):
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    views = {"transposed": whole.T, "strided": whole[::2, 1::3], "turned": whole[::-1]}
    save_tensors(tmp_path / "file", views, {})
    loaded, _ = load_tensors(tmp_path / "file")
    for name, view in views.items():
        assert np.array_equal(loaded[name], view)


def test_loaded_arrays_do_not_hang_on_the_file(tmp_path):
    path = tmp_path / "file"
    save_tensors(path, {"a": np.ones(3)}, {})
    loaded, _ = load_tensors(path)
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert loaded["a"].tolist() == [1, 1, 1]


SAVE = """
import sys, numpy as np
from pullback.storage.tensors import save_tensors
texts = {name: name for name in "zyxwvutsrq"}
save_tensors(sys.argv[1], {"b": np.ones(2), "a": np.zeros(3, "f4")}, texts)
"""


def test_the_same_contents_give_the_same_bytes_in_every_process(tmp_path):
    files = [tmp_path / str(number) for number in range(3)]
    for file in files:
        subprocess.run([sys.executable, "-c", SAVE, str(file)], check=True)
    assert len({file.read_bytes() for file in files}) == 1


def test_the_order_of_the_metadata_does_not_matter(tmp_path):
    save_tensors(tmp_path / "one", {}, {"a": "1", "b": "2"})
    save_tensors(tmp_path / "two", {}, {"b": "2", "a": "1"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=9))
def test_the_numbers_begin_at_a_multiple_of_eight_bytes(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("tensors") / "file"
    save_tensors(path, {"a": np.ones(1)}, {"text": text})
    assert struct.unpack("<Q", path.read_bytes()[:8])[0] % 8 == 0


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (np.array(["a"]), "dtype <U1: allowed are bool, int8"),
        (np.array([None]), "dtype object"),
        (np.ones(2, np.complex128), "dtype complex128"),
        (np.array(["2024-01-01"], dtype="M8[D]"), "dtype datetime64"),
        (np.ma.masked_array([1.0], mask=[True]), "masked array"),
    ],
)
def test_a_tensor_that_the_format_lacks_is_refused(tmp_path, tensor, sentence):
    with pytest.raises(StorageError, match=f"The tensor 'a' .*{sentence}"):
        save_tensors(tmp_path / "file", {"a": tensor}, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "__metadata__"])
def test_a_name_that_the_format_lacks_is_refused(tmp_path, name):
    with pytest.raises(StorageError, match="cannot be called"):
        save_tensors(tmp_path / "file", {name: np.ones(1)}, {})


def test_metadata_are_texts(tmp_path):
    with pytest.raises(StorageError, match="metadata 'seed' must be a text, not int"):
        save_tensors(tmp_path / "file", {}, {"seed": 1})


def foreign(start):
    """A file with a header of its own making."""
    text = json.dumps(start).encode()
    return struct.pack("<Q", len(text)) + text


GOOD = foreign({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}) + b"\0" * 8


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty, not a safetensors file"),
        (pickle.dumps({"a": 1}, protocol=4), "is no safetensors file: it begins with 80 04"),
        (b"PK\x03\x04" + b"\0" * 40, "is no safetensors file"),
        (b"short", "is no safetensors file"),
        (GOOD[:-1], "is a damaged safetensors file"),
        (GOOD[:20], "is a damaged safetensors file"),
        (GOOD + b"\0", "is a damaged safetensors file"),
        (b"\xff" * 8 + GOOD[8:], "is a damaged safetensors file"),
        (
            foreign({"a": {"dtype": "F32", "shape": [2**60], "data_offsets": [0, 2**62]}}),
            "is a damaged safetensors file",
        ),
        (
            foreign({"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}) + b"\0" * 4,
            "holds a dtype that NumPy does not have",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded(tmp_path, content, sentence):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=sentence) as caught:
        load_tensors(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_file_that_is_damaged_above_is_good_when_whole(tmp_path):
    (tmp_path / "file").write_bytes(GOOD)
    assert load_tensors(tmp_path / "file")[0]["a"].tolist() == [0, 0]


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(StorageError, match="There is no file"):
        load_tensors(tmp_path / "no")
    with pytest.raises(StorageError, match="is a folder"):
        load_tensors(tmp_path)


def test_without_safetensors_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pullback\[files\]'"):
        save_tensors(tmp_path / "file", {}, {})
    with pytest.raises(MissingExtraError, match=r"pip install 'pullback\[files\]'"):
        load_tensors(tmp_path / "file")
