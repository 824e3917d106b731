"""The emitted source, byte by byte, and what holds for every emitted source.

After a wanted change of the printer: PULLBACK_UPDATE_GOLDEN=1 pytest tests/views, then read the
differences that git shows.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden_programs import PROGRAMS, SIZES, values_for

import pullback as pb
from pullback.dims import evaluate, parse_dim
from pullback.trees import flatten

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"

RUN_ALONE = """
import sys
sys.modules["pullback"] = None  # any import of it raises
import numpy as np
source, arrays = sys.argv[1], sys.argv[2]
scope = {}
exec(compile(open(source, encoding="utf-8").read(), source, "exec"), scope)
given = np.load(arrays)
arguments = [given[f"arr_{i}"] for i in range(len(given.files))]
name = sys.argv[3]
flat, pending = [], [scope[name](*arguments)]
while pending:
    item = pending.pop(0)
    pending = [*item, *pending] if isinstance(item, tuple | list) else pending
    flat += [] if isinstance(item, tuple | list) else [item]
np.savez(sys.argv[4], *flat)
loaded = [m for m in sys.modules if m.split(".")[0] == "pullback" and sys.modules[m] is not None]
assert loaded == [], loaded
"""


def emitted(name):
    return PROGRAMS[name]().to_numpy()


def backward_lines(source):
    return source.split("    # backward\n")[1].split("    return")[0].splitlines()


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_is_the_golden_one(name):
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("PULLBACK_UPDATE_GOLDEN") == "1":
        file.write_text(emitted(name), encoding="utf-8")
    assert emitted(name) == file.read_text(encoding="utf-8")


def test_every_golden_file_is_compared():
    assert {file.stem for file in GOLDEN.iterdir()} == set(PROGRAMS)


def test_two_processes_with_other_hash_seeds_write_the_same_bytes():
    outputs = [
        subprocess.run(
            [sys.executable, str(HERE / "golden_programs.py")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2024")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].decode().count("import numpy as np") == len(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_runs_with_numpy_alone_and_gives_the_same_bits(name, tmp_path):
    program = PROGRAMS[name]()
    values = values_for(program)
    source, given, result = (tmp_path / f for f in ("source.py", "given.npz", "result.npz"))
    source.write_text(program.to_numpy(), encoding="utf-8")
    np.savez(given, *values)
    command = [sys.executable, "-c", RUN_ALONE, source, given, program.name, result]
    subprocess.run([str(part) for part in command], check=True)
    expected = flatten(pb.compile(program)(*values))[0]
    with np.load(result) as found:
        assert len(found.files) == len(expected)
        for i, value in enumerate(expected):
            assert found[f"arr_{i}"].tobytes() == np.asarray(value).tobytes()
            assert found[f"arr_{i}"].dtype == np.asarray(value).dtype


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_source_has_no_lines_paths_or_long_rows(name):
    source = emitted(name)
    assert str(HERE.parents[1]) not in source
    assert not re.search(r"\bline \d+|\.py\b", source)
    assert max(map(len, source.splitlines())) <= 108
    assert [row for row in source.splitlines() if row != row.rstrip()] == []
    for row in source.splitlines():
        assert "#" not in row or re.search(r"(^|  )# ", row), row


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_margin_tells_the_shape_that_each_line_really_has(name):
    program = PROGRAMS[name]()
    source = program.to_numpy()
    told = dict(re.findall(r"^ {4}(\w+) = .*  # \((.*)\)$", source, re.MULTILINE))
    assert told
    scope = {}
    exec(source, scope)
    held = {}

    def at_return(frame, event, value):
        if event == "return" and frame.f_code.co_name == program.name:
            held.update(frame.f_locals)

    sys.setprofile(at_return)
    try:
        scope[program.name](*values_for(program))
    finally:
        sys.setprofile(None)
    for target, shape in told.items():
        dims = [parse_dim(dim) for dim in shape.split(",") if dim.strip()]
        assert np.shape(held[target]) == tuple(evaluate(dim, SIZES) for dim in dims)


def test_the_backward_pass_of_two_layers_has_at_most_eight_assignments():
    lines = backward_lines(emitted("grad_forward"))
    assert 0 < len(lines) <= 8
    assert all(" = " in line for line in lines)
    assert [line.split(" = ")[0].strip() for line in lines] == [
        "dy_pred",
        "dh_relu",
        "dW2",
        "dh",
        "dW1",
    ]


def test_the_value_costs_no_second_forward_pass():
    assert emitted("value_and_grad_forward").count("@") == emitted("grad_forward").count("@")


def test_no_cotangent_of_an_input_that_nobody_asked_for():
    assert "dx" not in emitted("grad_forward")
    assert "dy " not in emitted("grad_forward")


def test_softmax_with_cross_entropy_of_one_hot_labels_is_p_minus_y():
    assert "dz = (softmax(z, axis=1) - y) / x.shape[0]" in emitted("grad_hard_labels")


def test_soft_targets_keep_the_sum_of_their_rows():
    source = emitted("grad_soft_targets")
    assert "softmax(z, axis=1) * np.sum(y, axis=1, keepdims=True)" in source


def test_only_used_helpers_are_written():
    assert "def " not in emitted("grad_forward").split("def grad_forward")[0]
    assert emitted("grad_with_helper").count("def sigmoid") == 1
    assert "def softmax" not in emitted("grad_with_helper")


def test_numbers_in_a_program_keep_their_precision():
    def f(x):
        return np.sum(x * 0.1 + np.float32(0.2)) * 1e-300

    program = pb.trace(f, x="f4 N")
    x = np.array([1.0, 2.0], "f4")
    assert pb.compile(program)(x) == f(x)
    assert pb.compile(program)(x).dtype == np.float32


def test_infinities_and_nan_are_written_so_that_they_run():
    def f(x):
        return np.where(x > 0, -np.inf, np.where(x < 0, np.inf, np.nan))

    x = np.array([1.0, -1.0, 0.0])
    assert np.array_equal(pb.compile(pb.trace(f, x="N"))(x), f(x), equal_nan=True)


def test_parentheses_follow_python():
    def f(a, b):
        return (
            (a - (b - a)) * (a + b) / (a * (b / a)) ** (-b)
            + (-a) ** 2
            - (a**b) ** 2
            + 2 ** (a**b)
            + ((a > b) == (b > a)) * 1.5
            - (-(a - b))
        )

    a, b = np.array([1.5, 0.5]), np.array([0.7, 2.0])
    assert np.array_equal(pb.compile(pb.trace(f, a="N", b="N"))(a, b), f(a, b))


def test_names_of_python_and_numpy_are_not_taken():
    def f(np_, x):
        np_2 = np_ * x
        lambda_ = np_2 + 1
        return np.sum(lambda_)

    source = pb.trace(f, np_="N", x="N").to_numpy()
    assert "lambda_ = " in source


def test_an_argument_called_np_gives_way_to_numpy():
    import numpy

    def f(np, range):
        product = np * range
        return numpy.sum(product)

    program = pb.trace(f, np="N", range="N")
    values = numpy.array([1.0, 2.0]), numpy.array([3.0, 4.0])
    assert pb.compile(program)(*values) == 11.0
    assert "def f(np_2, range)" in program.to_numpy()


def test_containers_come_back_as_they_were():
    def f(params, pair):
        return {"sum": params["a"] + pair[0], "rest": [pair[1], (params["b"],)]}

    program = pb.trace(f, params={"a": "", "b": ""}, pair=("", ""))
    result = pb.compile(program)({"a": 1.0, "b": 2.0}, (3.0, 4.0))
    assert result == {"sum": 4.0, "rest": [4.0, (2.0,)]}


def test_large_captured_arrays_are_parameters_without_a_default():
    large = np.arange(200.0)
    program = pb.trace(lambda x: np.sum(x * large), x="200")
    assert "def f(x, large):" in program.to_numpy()
    assert pb.compile(program)(np.ones(200)) == large.sum()
