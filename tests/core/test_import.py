"""`import pullback` loads NumPy and nothing else of size."""

import json
import subprocess
import sys

HEAVY = {
    "IPython",
    "jax",
    "matplotlib",
    "mpi4py",
    "numba",
    "onnx",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "torch",
    "typer",
}


def modules_after(code):
    """The modules that a fresh process has loaded after some code."""
    report = "import json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, check=True, text=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_loads_numpy_and_nothing_else_of_size():
    before = modules_after("import numpy")
    after = modules_after("import pullback")
    top_level = {name.split(".")[0] for name in after - before}
    assert "pullback" in top_level
    assert top_level & HEAVY == set()
    standard = set(sys.stdlib_module_names)
    assert {n for n in top_level - standard - {"pullback"} if not n.startswith("_")} == set()


def test_deriving_and_running_a_gradient_loads_nothing_more():
    code = """
import numpy as np, pullback as pb
program = pb.grad(pb.trace(lambda x, W: np.sum(np.tanh(x @ W)), x="N D", W="D H"), wrt="W")
pb.compile(program)(np.ones((2, 3)), np.ones((3, 4)))
pb.Program.from_json(program.to_json())
print(program)
"""
    assert {name.split(".")[0] for name in modules_after(code)} & HEAVY == set()


def test_the_names_of_the_public_face_are_there():
    code = "import pullback; assert all(hasattr(pullback, name) for name in pullback.__all__)"
    assert {name.split(".")[0] for name in modules_after(code)} & HEAVY == set()
