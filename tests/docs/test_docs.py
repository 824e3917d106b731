"""The Python blocks of the documentation run, and print what the pages say they print.

In `README.md` and `docs/*.md`:

- ```python blocks run in order, in one namespace for each file, in an empty working directory;
- a ```text block with nothing but blank lines between it and the Python block above it is what
  that block prints;
- ```python no-run blocks are only compiled;
- every other block (```console, ```math, ...) is left alone.
"""

import contextlib
import difflib
import io
import linecache
import re
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))] if page.is_file()]
FENCE = re.compile(r"^(?P<indent> *)(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^`]*?)[ \t]*$")
OTHER_NAMES_OF_PYTHON = {"py", "python3", "py3", "pycon", "ipython"}


@dataclass(frozen=True)
class Block:
    """A fenced block: its info string, the number of its first line in the file, its text."""

    info: str
    line: int
    text: str
    follows_block: bool  # nothing but blank lines since the block above


def blocks_of(page: Path) -> list[Block]:
    """The fenced blocks of a Markdown file, in order."""
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    start, inside, follows_block = 0, [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, start, inside = fence, number + 1, []
        elif opened is None:
            follows_block = follows_block and not line.strip()
        elif fence and not fence["info"] and fence["marks"].startswith(opened["marks"]):
            text = "".join(f"{each}\n" for each in inside)
            blocks.append(Block(opened["info"], start, text, follows_block))
            opened, follows_block = None, True
        else:
            indent = len(opened["indent"])
            inside.append(line[indent:] if not line[:indent].strip() else line)
    if opened is not None:
        raise AssertionError(f"{page.name}:{start - 1}: this block is never closed")
    return blocks


def run_page(page: Path) -> int:
    """Run the Python blocks of a file in the current directory; how many ran."""
    blocks = blocks_of(page)
    linecache.cache[str(page)] = (0, None, code_lines(page, blocks), str(page))
    namespace = {"__name__": "__main__"}
    count = 0
    for block, below in zip(blocks, [*blocks[1:], None], strict=True):
        words = block.info.split()
        if not words or words[0].lower() not in {"python", *OTHER_NAMES_OF_PYTHON}:
            continue
        if block.info not in ("python", "python no-run"):
            raise AssertionError(
                f"{page.name}:{block.line - 1}: write ```python or ```python no-run, "
                f"not ```{block.info}"
            )
        code = compiled(page, block)
        if block.info == "python no-run":
            continue
        printed = output_of(page, block, code, namespace)
        count += 1
        if below is not None and below.info == "text" and below.follows_block:
            compare(page, below, printed)
    return count


def code_lines(page: Path, blocks: list[Block]) -> list[str]:
    """The page as a Python file: the blocks that run, at their lines, and nothing else."""
    lines = ["\n"] * len(page.read_text(encoding="utf-8").splitlines())
    for block in blocks:
        if block.info == "python":
            text = block.text.splitlines(keepends=True)
            lines[block.line - 1 : block.line - 1 + len(text)] = text
    return lines


def compiled(page: Path, block: Block):
    """The block as code whose line numbers are those of the page."""
    try:
        return compile("\n" * (block.line - 1) + block.text, str(page), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise AssertionError(f"{page.name}:{error.lineno}: {error.msg}") from error


def output_of(page: Path, block: Block, code, namespace: dict) -> str:
    """What the block prints. Its error names the file and the line."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(page)]
        line = lines[0] if lines else block.line
        text = page.read_text(encoding="utf-8").splitlines()[line - 1].strip()
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise AssertionError(f"{page.name}:{line}: {text}\n{what}") from error
    return printed.getvalue()


def compare(page: Path, shown: Block, printed: str) -> None:
    """The text of the page is what was printed, but for spaces at the end of a line."""
    expected, got = ([line.rstrip() for line in t.split("\n")] for t in (shown.text, printed))
    while got and not got[-1]:
        got.pop()
    while expected and not expected[-1]:
        expected.pop()
    if expected != got:
        diff = "\n".join(difflib.unified_diff(expected, got, "the page", "printed", lineterm=""))
        raise AssertionError(f"{page.name}:{shown.line}: the block above prints other text\n{diff}")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Blocks may write files and draw; they change nothing for other tests."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    state = np.random.get_state()
    with np.printoptions(), np.errstate():
        yield
    np.random.set_state(state)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_blocks_of_a_page_run_and_print_what_it_says(page):
    run_page(page)


def test_the_derivation_is_a_page_with_many_blocks():
    (page,) = [page for page in PAGES if page.name == "derivation.md"]
    assert sum(block.info == "python" for block in blocks_of(page)) >= 10


# ------------------------------------------------------------------- faults must be noticed


def page_of(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def test_a_page_without_faults_runs_in_order_in_one_namespace(tmp_path):
    text = """\
# A page

```python
a = 1
print("one\\n")
```

```text
one
```

Some words.

1. In a list:

   ```python
   if a == 1:
       print(a + 1)
   ```
   ```text
   2
   ```

```python no-run
raise RuntimeError("only compiled")
```

```text
not compared: nothing ran above
```

```console
$ exit 1
```

````markdown
```python
raise RuntimeError("a block inside a block is its text")
```
````

```python
from pathlib import Path
Path("written.txt").write_text("in the working directory")
print("no text block follows directly")
```

Words in between.

```text
not compared
```
"""
    assert run_page(page_of(tmp_path, text)) == 3
    assert Path("written.txt").is_file()
    assert not (ROOT / "written.txt").exists()


FAULTS = {
    "a wrong output": ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "page.md:6: .*\n.*\n.*"),
    "a missing output": ("```python\npass\n```\n```text\n2\n```\n", "page.md:5: "),
    "output that the page does not show": (
        "```python\nprint(1)\nprint(2)\n```\n```text\n1\n```\n",
        r"page.md:6: [\s\S]*\+2",
    ),
    "output in another order": (
        "```python\nprint(1)\nprint(2)\n```\n```text\n2\n1\n```\n",
        "page.md:6: ",
    ),
    "other spaces": ("```python\nprint('a  b')\n```\n```text\na b\n```\n", "page.md:5: "),
    "a failing assert": (
        "words\n\n```python\nx = 1\nassert x == 2\n```\n",
        "page.md:5: assert x == 2\nAssertionError",
    ),
    "an error in a later block": (
        "```python\nx = 1\n```\n\n```python\n\nx / 0\n```\n",
        "page.md:7: x / 0\nZeroDivisionError: division by zero",
    ),
    "an error inside a function": (
        "```python\ndef f():\n    return missing\n```\n```python\nf()\n```\n",
        r"page.md:6: f\(\)\nNameError: ",
    ),
    "an early exit": ("```python\nraise SystemExit(0)\n```\n", "page.md:2: "),
    "a warning": (
        "```python\nimport warnings\nwarnings.warn('old')\n```\n",
        "page.md:3: .*\nUserWarning: old",
    ),
    "a syntax error": ("\n```python\nx = 1\nx = = 1\n```\n", "page.md:4: invalid syntax"),
    "a syntax error where nothing runs": ("```python no-run\nx = = 1\n```\n", "page.md:2: "),
    "a misspelt mark": ("```python norun\nx = 1\n```\n", "page.md:1: write ```python"),
    "another name of Python": ("```py\nx = 1\n```\n", "page.md:1: write ```python"),
    "a block that is never closed": ("words\n```python\nx = 1\n", "page.md:2: "),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_reported_with_file_and_line(tmp_path, text, message):
    page = page_of(tmp_path, text)
    with pytest.raises(AssertionError) as caught:
        run_page(page)
    assert re.match(message, str(caught.value)), str(caught.value)
