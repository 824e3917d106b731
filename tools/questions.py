"""Write docs/questions.md and its pictures: every experiment, run with its default settings.

Run it with `make questions`, on a machine that does nothing else: one experiment takes times.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib import style
from matplotlib.figure import Figure

import pullback as pb
from pullback.experiments import EXPERIMENTS, Report, experiment
from pullback.pictures.experiments import draw
from pullback.pictures.style import SETTINGS

DOCS = Path(__file__).resolve().parent.parent / "docs"
PICTURES = DOCS / "pictures" / "questions"

DOTS_PER_INCH = 100

BEGINNING = """\
# Questions, answered by experiments

A text on networks explains their parts and leaves, at each of them, a question to the reader. Here
every question has an experiment. Each runs in less than a minute on two cores, prints its tables,
writes its pictures and numbers into a folder, and says in two sentences what was seen and why:

```console
$ pullback compare                        # the questions
$ pullback compare activations            # one experiment, with its default settings
$ pullback compare spiral --seeds 3,4,5   # other random starts
$ pullback compare optimizers --set angle=45 --set condition=1000
```

From Python, `pb.compare("activations")` returns the same numbers. A median over the seeds stands in
front of its brackets, which hold the smallest and the largest value. This page is what the
experiments said when `make questions` last ran them; the times in `batches` are those of one
machine, all other numbers are the same wherever NumPy adds in the same order.
"""


def main() -> None:
    """Run everything; write the page last, when all pictures are there."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for old in PICTURES.glob("*.png"):
        old.unlink()
    parts = [BEGINNING]
    for name in EXPERIMENTS:
        print(name, file=sys.stderr)
        parts.append(section(pb.compare(name)))
    (DOCS / "questions.md").write_text("\n".join(parts), encoding="utf-8")


def section(report: Report) -> str:
    """A question, its answer, its pictures and, folded, its tables."""
    with style.context(["default", SETTINGS]):
        pictures = [saved(report.name, file, figure) for file, figure in draw(report).items()]
    tables, seen = str(report).rsplit("\n\n", 1)
    return f"""\
## {experiment(report.name).QUESTION}

{seen}

{"".join(f"![{file.stem}]({file.relative_to(DOCS)}){chr(10)}{chr(10)}" for file in pictures)}\
<details><summary><code>pullback compare {report.name}</code>: its tables</summary>

```
{tables}
```

</details>
"""


def saved(name: str, file: str, figure: Figure) -> Path:
    """The picture in as many dots as a page needs."""
    path = PICTURES / f"{name}-{file}"
    figure.savefig(path, dpi=DOTS_PER_INCH, pil_kwargs={"optimize": True})
    return path


if __name__ == "__main__":
    main()
