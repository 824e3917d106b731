"""Program: checked, printed, written to a file and read again."""

import copy
import json
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pullback as pb
from pullback.avals import Aval
from pullback.errors import ProgramError, PullbackError
from pullback.primitive import REGISTRY, Literal
from pullback.program import Var
from pullback.trees import flatten

TABLE = np.array([[1.0, -np.inf], [np.nan, 0.1]])


def forward(x, labels, params, rate):
    h = np.maximum(x @ params["W"], 0) * rate
    h[h > 1] = -np.inf
    picked = h[:, 1:][labels] + TABLE[0]
    out = np.concatenate([picked, np.float32(0.5) * h[labels] + TABLE[1]], axis=1)
    return {"loss": np.sum(out) / x.shape[0], "out": (out.reshape(-1), 3, True)}


SPECS = {
    "x": "N D",
    "labels": "i8 M",
    "params": {"W": "D 2"},
    "rate": "float",
}


@pytest.fixture
def program():
    return pb.trace(forward, **SPECS)


def changed(program, position, **changes):
    equations = list(program.equations)
    equations[position] = replace(equations[position], **changes)
    return replace(program, equations=tuple(equations))


def test_a_value_used_before_it_is_computed_is_refused(program):
    first, second = program.equations[:2]
    with pytest.raises(ProgramError, match="before it is computed"):
        replace(program, equations=(second, first, *program.equations[2:]))


def test_a_value_computed_twice_is_refused(program):
    with pytest.raises(ProgramError, match="a second time"):
        replace(program, equations=(program.equations[0], *program.equations))


def test_an_input_that_occurs_twice_is_refused(program):
    with pytest.raises(ProgramError, match="twice"):
        replace(program, inputs=(program.inputs[0], *program.inputs))


def test_an_output_with_another_shape_or_dtype_is_refused(program):
    out = program.equations[0].out
    for aval in (Aval(np.dtype("f4"), out.aval.shape), Aval(out.aval.dtype, (3,))):
        wrong = Var(aval, "h")
        with pytest.raises(ProgramError, match="but its output says"):
            changed(program, 0, out=wrong)


def test_inputs_that_do_not_fit_are_refused(program):
    x = program.inputs[0]
    with pytest.raises(ProgramError, match=r"equation 1 \(matmul\) is not valid: .* is not"):
        changed(program, 0, inputs=(x, x))


def test_missing_and_unknown_params_are_refused(program):
    (place,) = [i for i, e in enumerate(program.equations) if e.primitive.name == "sum"]
    with pytest.raises(ProgramError, match="not valid"):
        changed(program, place, params=MappingProxyType({"speed": 1}))
    with pytest.raises(ProgramError, match="not valid"):
        changed(program, 0, params=MappingProxyType({"axis": 1}))


def test_an_output_that_is_never_computed_is_refused(program):
    stray = Var(program.outputs[0].aval, "stray")
    with pytest.raises(ProgramError, match="stray is never computed"):
        replace(program, outputs=(stray, *program.outputs[1:]))


def test_outputs_must_fill_the_structure(program):
    with pytest.raises(ProgramError, match="structure"):
        replace(program, outputs=program.outputs[:-1], output_names=program.output_names[:-1])
    with pytest.raises(ProgramError, match="structure"):
        replace(program, output_names=program.output_names[:-1])


def test_each_input_belongs_to_an_argument_or_is_captured(program):
    with pytest.raises(ProgramError, match="each input"):
        replace(program, defaults=MappingProxyType({}))
    with pytest.raises(ProgramError, match="each input"):
        replace(program, inputs=(*program.inputs, Var(Aval(np.dtype("f8")), "extra")))


def test_a_program_is_immutable(program):
    with pytest.raises(AttributeError):
        program.name = "other"
    with pytest.raises(TypeError):
        program.equations[0].params["axis"] = 1
    for value in program.defaults.values():
        with pytest.raises(ValueError, match="read-only"):
            value[0] = 1


def test_how_it_is_printed():
    def two_layers(x, W1, W2):
        h = x @ W1
        return np.sum(np.tanh(h) @ W2 * 0.5, axis=0)

    program = pb.trace(two_layers, x="N D", W1="D H", W2="f4 H 3")
    assert str(program) == (
        "two_layers(x: f8[N, D], W1: f8[D, H], W2: f4[H, 3])\n"
        "  h: f8[N, H] = matmul(x, W1)\n"
        "  tanh: f8[N, H] = tanh(h)\n"
        "  matmul: f8[N, 3] = matmul(tanh, W2)\n"
        "  multiply: f8[N, 3] = multiply(matmul, 0.5)\n"
        "  sum_1: f8[3] = sum(multiply, axis=0, keepdims=False)\n"
        "  return sum_1"
    )
    assert repr(program) == "<Program two_layers: 5 equations>"


def test_stages_are_printed():
    text = str(pb.grad(pb.trace(lambda x: np.sum(np.exp(x)), x="N")))
    assert text.splitlines()[1:3] == ["  dx: f8[N] = exp(x)", "  return dx"]
    text = str(pb.grad(pb.trace(lambda x: np.sum(np.exp(x) ** 2), x="N")))
    assert text.count("  -- backward") == 1


def values():
    random = np.random.default_rng(0)
    return {
        "x": random.normal(size=(4, 3)),
        "labels": np.array([0, 3, 3]),
        "params": {"W": random.normal(size=(3, 2))},
        "rate": 0.7,
    }


def leaves_are_equal(left, right):
    pairs = zip(left, right, strict=True)
    return all(
        np.asarray(a).tobytes() == np.asarray(b).tobytes() and type(a) is type(b) for a, b in pairs
    )


def test_the_file_form_is_read_as_it_was_written(program):
    read = pb.Program.from_json(program.to_json())
    assert read.to_json() == program.to_json()
    assert read.fingerprint() == program.fingerprint()
    assert str(read) == str(program)
    assert read.to_numpy() == program.to_numpy()
    assert leaves_are_equal(
        flatten(pb.compile(read)(**values()))[0], flatten(program(**values()))[0]
    )


def test_a_derived_program_survives_too(program):
    loss = pb.trace(lambda x, W: np.sum(np.tanh(x @ W)[1:]) / x.shape[0], x="N D", W="D 2")
    derived = pb.value_and_grad(loss, wrt=["W", "x"])
    read = pb.Program.from_json(derived.to_json())
    assert read.to_numpy() == derived.to_numpy()
    assert {e.stage for e in read.equations} == {"forward", "backward"}
    again = pb.grad(pb.Program.from_json(loss.to_json()), wrt=["W", "x"])
    assert again.fingerprint() == pb.grad(loss, wrt=["W", "x"]).fingerprint()


def test_the_file_form_is_plain_json_without_lines_and_paths(program):
    text = program.to_json()
    data = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert data["format"] == "pullback-program"
    assert "test_program" not in text
    assert (
        "/"
        not in "".join(c for c in text if c != "+").replace('base64": "', "").split('"captured"')[0]
    )
    assert "where" not in data["equations"][0]


def test_the_fingerprint_does_not_depend_on_line_or_file(tmp_path):
    text = "import numpy as np\n{space}def f(x, W):\n    h = x @ W\n    return np.sum(np.tanh(h))\n"
    found = set()
    for name, space in [("one.py", ""), ("two.py", "\n\n# a comment\n")]:
        file = tmp_path / name
        file.write_text(text.format(space=space), encoding="utf-8")
        scope = {"__name__": name}
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), scope)
        program = pb.trace(scope["f"], x="N D", W="D H")
        assert program.equations[0].where.file == str(file)
        found.add(program.fingerprint())
        found.add(pb.Program.from_json(program.to_json()).fingerprint())
    assert len(found) == 1


def test_the_fingerprint_tells_programs_apart():
    programs = [
        pb.trace(lambda x: x * 2, x="N"),
        pb.trace(lambda x: x * 2.0, x="N"),
        pb.trace(lambda x: x * 3, x="N"),
        pb.trace(lambda x: x * 2, x="M"),
        pb.trace(lambda x: x * 2, x="f4 N"),
        pb.trace(lambda x: x + 2, x="N"),
        pb.trace(lambda x: (x * 2,), x="N"),
        pb.trace(lambda x: x * np.float64(2), x="N"),
        pb.trace(lambda x: x * np.array([2.0]), x="N"),
        pb.trace(lambda x: x * np.array([3.0]), x="N"),
    ]
    assert len({program.fingerprint() for program in programs}) == len(programs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a Pullback program"),
        ("null", "not a Pullback program"),
        ('{"format": "pullback-program"}', "file version None"),
        ('{"format": "pullback-program", "version": 2}', "this Pullback reads 1"),
        ('{"format": "pullback-program", "version": 1}', "damaged"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5000, "not JSON"),
    ],
)
def test_what_is_no_program_is_refused(text, message):
    with pytest.raises(ProgramError, match=message):
        pb.Program.from_json(text)


def places(data, path=()):
    """Every place inside nested lists and dicts."""
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


DATA = json.loads(pb.trace(forward, **SPECS).to_json())
PLACES = list(places(DATA))


@settings(max_examples=400)
@given(
    place=st.sampled_from(PLACES),
    value=st.sampled_from(
        [None, "x", "", -1, 10**30, 0.5, True, [], {}, ["f8"], {"dim": "N+"}, "__class__", "delete"]
    ),
)
def test_a_damaged_file_is_refused_or_is_another_program(place, value):
    data = copy.deepcopy(DATA)
    *way, last = place
    inside = data
    for key in way:
        inside = inside[key]
    if value == "delete":
        del inside[last]
    else:
        inside[last] = value
    try:
        read = pb.Program.from_json(json.dumps(data))
    except ProgramError:
        return
    assert pb.Program.from_json(read.to_json()).fingerprint() == read.fingerprint()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("equations", 0, "primitive"), "os.system"),
        (("equations", 0, "out", "name"), "import os"),
        (("equations", 0, "out", "aval"), ["O", 3]),
        (("equations", 0, "inputs", 0), "nowhere"),
        (("equations", 0, "stage"), "sideways"),
        (("equations", 1, "params"), {"axis": 0}),
        (("inputs", 0, "aval"), ["f8", "N", "open('x')"]),
        (("arguments", 0, 1), ["set", [0], ["*"]]),
        (("result",), "*"),
        (("captured",), {}),
        (("output_names", 0), 5),
        (("equations", 0, "out", "aval"), ["f8,08f8", "N", "H"]),
        # Conventions stand in the docstring of the source that runs; they must not end it.
        (("conventions",), ['"""; raise SystemExit; """']),
        (("conventions",), ["one\ntwo"]),
        (("conventions",), ["\\"]),
    ],
)
def test_these_damages_are_refused(place, value):
    data = copy.deepcopy(DATA)
    *way, last = place
    inside = data
    for key in way:
        inside = inside[key]
    assert inside[last] != value
    inside[last] = value
    with pytest.raises(PullbackError):
        pb.Program.from_json(json.dumps(data))


def test_a_cotangent_of_no_name_is_refused():
    data = copy.deepcopy(DATA)
    data["equations"][0]["out"]["cotangent_of"] = "x\ny"
    with pytest.raises(ProgramError, match="no name for a value"):
        pb.Program.from_json(json.dumps(data))


def test_astype_retypes_every_floating_value():
    program = pb.trace(
        lambda x, n, rate: np.float64(0.5) * x * rate + (n > 0) + TABLE[:, :1],
        x="2 N",
        n="i8 N",
        rate="float",
    )
    narrow = program.astype("f4")
    floating = [v for v in (*narrow.inputs, *(e.out for e in narrow.equations)) if v.aval.is_float]
    assert {v.aval.dtype for v in floating if not v.aval.weak} == {np.dtype("f4")}
    assert [v.aval.dtype.name for v in narrow.argument_inputs] == ["float32", "int64", "float64"]
    assert {v.dtype for v in narrow.defaults.values()} == {np.dtype("f4")}
    x, n = np.array([[1.0, 2.0], [3.0, 4.0]], "f4"), np.array([1, 2])
    wide = pb.compile(program)(x.astype("f8"), n, 0.5)
    found = pb.compile(narrow)(x, n, 0.5)
    assert found.dtype == np.float32
    assert np.allclose(found, wide, rtol=1e-6, equal_nan=True)
    assert narrow.astype("f8").to_numpy() == program.to_numpy()


def test_astype_reaches_the_params():
    def f(x):
        return np.zeros_like(x) + x.astype("f8") + np.ones_like(x, dtype=int)[:1].astype("f8")

    narrow = pb.trace(f, x="3").astype("f4")
    assert pb.compile(narrow)(np.ones(3, "f4")).dtype == np.float32
    assert "float64" not in narrow.to_numpy()


def test_astype_of_a_derived_program_computes_in_that_precision():
    program = pb.trace(lambda x, W: np.mean(np.tanh(x @ W)), x="N D", W="D H")
    narrow = pb.grad(program, wrt="W").astype("f4")
    x, W = np.ones((3, 2), "f4"), np.full((2, 4), 0.3, "f4")
    found = pb.compile(narrow)(x, W)
    assert found.dtype == np.float32
    assert np.allclose(found, pb.grad(lambda W: np.mean(np.tanh(x @ W)))(W), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["i8", "U5", "f2", "c16", "nonsense"])
def test_astype_takes_a_floating_dtype_only(dtype):
    program = pb.trace(lambda x: x * 2, x="N")
    if dtype == "f2":
        assert program.astype(dtype).inputs[0].aval.dtype == np.float16
        return
    with pytest.raises((PullbackError, TypeError)):
        program.astype(dtype)


def test_literals_and_registry():
    assert str(Literal(2.0)) == "2.0"
    assert str(Literal(np.float32(2.0))) == "2.0:f4"
    assert REGISTRY["matmul"].name == "matmul"
    with pytest.raises(ProgramError, match="exists already"):
        replace(REGISTRY["matmul"])


def test_names_stay_unique_beside_names_that_look_numbered():
    def f(x):
        h_2 = np.exp(x)
        h = np.sin(h_2)
        h = np.cos(h)
        h = np.tanh(h)
        return h + h_2

    program = pb.trace(f, x="N")
    assert [program.names[e.out] for e in program.equations] == ["h_2", "h", "h_3", "h_4", "add"]


def test_the_keys_of_a_result_are_texts_or_whole_numbers():
    text = pb.trace(lambda x: {"a": x, "b": x}, x="N").to_json()
    damaged = text.replace('"a"', "NaN", 1) if '"a"' in text else text
    assert damaged != text
    with pytest.raises(pb.PullbackError):
        pb.Program.from_json(damaged)
