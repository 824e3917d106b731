"""`pullback exercise`: files to complete, solved by what is derived, coached by hints."""

import re

import pytest

from pullback.grading.exercises import EXERCISES


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_is_open_and_its_solution_is_right(in_process, tmp_path, name):
    written = in_process("exercise", name)
    assert written.code == 0
    file = EXERCISES[name].file
    words = f"{file}:forward:backward"
    assert f"check {words}" in written.out

    empty = in_process("check", words)
    assert empty.code == 2
    assert "NotImplementedError: write the backward pass" in empty.complaint

    solution = tmp_path / file.replace(".py", "_solution.py")
    source = (tmp_path / file).read_text()
    begin = source.index("def backward(")
    body = solution.read_text().partition("import numpy as np\n")[2]
    (tmp_path / file).write_text(source[:begin] + body)
    solved = in_process("check", words)
    assert solved.code == 0, solved.out
    assert "the backward pass is right" in solved.out


def test_a_handout_has_no_solution(in_process, tmp_path):
    assert in_process("exercise", "shared", "--no-solution").code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["shared.py"]


def test_the_file_is_where_it_is_wanted_and_speaks_of_itself(in_process, tmp_path):
    (tmp_path / "week 3").mkdir()
    written = in_process("exercise", "two-layer", "--out", "week 3/first.py")
    assert written.code == 0
    assert "check week 3/first.py:forward:backward" in (tmp_path / "week 3/first.py").read_text()
    assert "first.py" in (tmp_path / "week 3/first_solution.py").read_text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["two-layers"], "There is no exercise 'two-layers'.*Did you mean 'two-layer'"),
        (["softmax", "--out", "a.txt"], "must end in .py"),
        (["softmax", "--out", "none/a.py"], "there is no folder none"),
        (["softmax", "--out", "folder.py"], "folder.py is a folder"),
    ],
)
def test_bad_input_is_one_sentence(in_process, tmp_path, words, sentence):
    (tmp_path / "folder.py").mkdir()
    refused = in_process("exercise", *words)
    assert refused.code == 2
    assert re.search(sentence, refused.complaint)


@pytest.mark.parametrize("there", ["softmax.py", "softmax_solution.py"])
def test_work_is_not_overwritten_unless_forced(in_process, tmp_path, there):
    (tmp_path / there).write_text("my work")
    refused = in_process("exercise", "softmax")
    assert refused.code == 2
    assert f"{there} exists" in refused.complaint
    assert [file.name for file in tmp_path.iterdir()] == [there]
    assert in_process("exercise", "softmax", "--force").code == 0
    assert (tmp_path / there).read_text() != "my work"


ANSWER = """\
    dy_pred = 2 * (y_pred - y)
    dh_relu = dy_pred @ W2.T
    dh = dh_relu * (h > 0)
    dW2 = h_relu.T @ dy_pred
    dW1 = x.T @ dh
    return dW1, dW2
"""


def hint_for(in_process, tmp_path, body):
    file = tmp_path / "two_layer.py"
    if not file.exists():
        in_process("exercise", "two-layer")
    begin, todo, _ = file.read_text().partition("    # TODO")
    file.write_text(begin + todo + "\n" + body)
    found = in_process("check", "two_layer.py:forward:backward", "--hint")
    file.write_text(begin + todo)
    told = [line for line in found.out.splitlines() if line.strip().startswith("hint:")]
    return found.code, told[0].strip() if told else ""


@pytest.mark.parametrize(
    ("lines", "about"),
    [(0, "y_pred"), (1, "h_relu"), (2, "h,"), (3, "W2,"), (4, "W1,"), (5, "return the gradients")],
)
def test_the_next_hint_follows_from_what_is_there(in_process, tmp_path, lines, about):
    body = "".join(ANSWER.splitlines(True)[:lines]) + "    raise NotImplementedError\n"
    code, hint = hint_for(in_process, tmp_path, body)
    assert code == 1
    wanted = about if lines == 5 else f"next is the error signal of {about}"
    assert wanted in hint
    # Never the answer: no expression of it stands in the hint.
    answers = [line.partition("= ")[2] for line in ANSWER.splitlines()[:5]]
    assert not any(answer in hint for answer in answers)


def test_no_hint_asks_for_what_a_shorter_way_left_out(in_process, tmp_path):
    in_process("exercise", "softmax")
    file = tmp_path / "softmax.py"
    begin, todo, _ = file.read_text().partition("    # TODO")
    file.write_text(
        f"{begin}    dscores = (p - y) / len(x)\n{todo}\n    raise NotImplementedError\n"
    )
    hint = in_process("check", "softmax.py:forward:backward", "--hint").out
    assert "next is the error signal of h," in hint
    assert "log_p" not in hint


@pytest.mark.parametrize(
    ("old", "new", "question"),
    [
        ("(h > 0)", "(h < 0)", "line .*, which stores dh. Through which entries"),
        ("x.T @ dh", "dh.T @ x", "which stores dW1. Write the shapes beside it"),
        ("2 * (y_pred - y)", "2 * (y - y_pred)", "which stores dy_pred. In which direction"),
        ("2 * (y_pred - y)", "y_pred - y", "which stores dy_pred. Differentiate what the loss"),
    ],
)
def test_the_hint_for_a_wrong_line_asks_about_it(in_process, tmp_path, old, new, question):
    body = ANSWER.replace(old, new).replace("return dW1, dW2", "return dict(dW1=dW1, dW2=dW2)")
    code, hint = hint_for(in_process, tmp_path, body)
    assert code == 1
    assert re.search(question, hint), hint
    assert old not in hint


def test_a_part_of_a_sum_is_seen(in_process, tmp_path):
    in_process("exercise", "shared")
    file = tmp_path / "shared.py"
    begin, todo, _ = file.read_text().partition("    # TODO")
    body = """
    dy_pred = y_pred - y
    dV = h2.T @ dy_pred
    dh2 = dy_pred @ V.T
    dz2 = dh2 * (1 - h2**2)
    dh1 = dz2 @ W.T
    dW = h1.T @ dz2
    raise NotImplementedError
"""
    file.write_text(begin + todo + body)
    found = in_process("check", "shared.py:forward:backward", "--hint")
    assert "next is the error signal of W, of shape (4, 4). One part of it is there" in found.out


def test_a_line_that_stops_is_told_with_the_next_step(in_process, tmp_path):
    body = "    dy_pred = 2 * (y_pred - y)\n    dh_relu = dy_pred @ W2\n"
    code, hint = hint_for(in_process, tmp_path, body)
    assert code == 1
    assert "it stops with ValueError" in hint
    assert "next is the error signal of h_relu" in hint


def test_no_hint_is_needed_when_all_is_right(in_process, tmp_path):
    code, hint = hint_for(in_process, tmp_path, ANSWER)
    assert (code, hint) == (0, "")


def test_the_first_wrong_line_is_printed(in_process, tmp_path):
    in_process("exercise", "two-layer")
    file = tmp_path / "two_layer.py"
    begin, todo, _ = file.read_text().partition("    # TODO")
    file.write_text(begin + todo + "\n" + ANSWER.replace("h > 0", "h < 0"))
    found = in_process("check", "two_layer.py:forward:backward")
    assert found.code == 1
    assert "first wrong: dh (mask from the wrong side)" in found.out
    assert "dh = dh_relu * (h < 0)" in found.out


def test_what_cannot_be_matched_says_what_to_write(in_process, tmp_path):
    (tmp_path / "net.py").write_text(
        "import numpy as np\n"
        "def forward(a, b):\n    return np.sum(a * b)\n"
        "def example_inputs():\n    return {'a': np.ones(3), 'b': np.arange(3.0)}\n"
        "def backward(a, b):\n    return b\n"
    )
    refused = in_process("check", "net.py:forward:backward")
    assert refused.code == 2
    assert 'wrt=["b"]' in refused.complaint
    assert in_process("check", "net.py:forward:backward", "--wrt", "a").code == 0


SQUARE_WEIGHTS = """import numpy as np


def forward(V, W):
    return np.sum((V @ W) ** 2)


wrt = ["W"]


def example_inputs():
    random = np.random.default_rng(0)
    return {"V": random.normal(size=(3, 3)), "W": random.normal(size=(3, 3))}


def backward(V, W):
    return 2 * V.T @ (V @ W)
"""


def test_the_file_says_which_gradients_are_wanted(in_process, tmp_path):
    (tmp_path / "square.py").write_text(SQUARE_WEIGHTS)
    assert in_process("check", "square.py:forward:backward").code == 0
    (tmp_path / "square.py").write_text(SQUARE_WEIGHTS.replace('wrt = ["W"]', ""))
    assert in_process("check", "square.py:forward:backward").code == 2
    refused = in_process("check", "square.py:forward:backward", "--wrt", "V")
    assert refused.code == 1


def test_a_class_is_graded_by_the_gradients_that_an_exercise_asks_for(in_process, tmp_path):
    in_process("exercise", "shared")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "anna.py").write_text((tmp_path / "shared_solution.py").read_text())
    graded = in_process("grade", "class", "--against", "shared.py", "--allow-unprotected")
    assert "2 points each: W, V" in graded.out
    assert "2/2" in graded.out
