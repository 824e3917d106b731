"""Whether printed formulas are well formed: LaTeX by its groups and commands, MathML by nesting."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

COMMANDS = set(
    r"""
    alpha beta gamma delta epsilon eta theta lambda mu nu pi rho sigma tau phi Phi Sigma
    top odot otimes in geq leq neq times cdot wedge vee oplus neg Rightarrow leftarrow partial infty
    sum prod max min arg exp log sin cos tanh frac sqrt bar overline mathrm mathop text textbf
    left right begin end quad backslash
    """.split()
)
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
CHILDREN = {
    "mfrac": 2,
    "msub": 2,
    "msup": 2,
    "msubsup": 3,
    "mover": 2,
    "munder": 2,
    "munderover": 3,
}
TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
CONTAINERS = {"math", "mrow", "msqrt", "mtable", "mtr", "mtd"}
INSIDE = {"mtr": "mtable", "mtd": "mtr"}


def check_latex(text: str) -> None:
    """Groups, environments and stretched fences close; every command is one that exists."""
    unescaped = re.sub(r"\\[_%&#$]", "", text)
    assert not re.search(r"\\text(bf)?\{[^{}]*[_%&#$][^{}]*\}", unescaped), text
    plain = re.sub(r"\\text(bf)?\{[^{}]*\}", "", unescaped)
    depth = 0
    for c in re.sub(r"\\[{}]", "", plain):
        depth += (c == "{") - (c == "}")
        assert depth >= 0, text
    assert depth == 0, text
    assert len(re.findall(r"\\left\b", plain)) == len(re.findall(r"\\right\b", plain)), text
    opened = re.findall(r"\\begin\{(.*?)\}", plain)
    assert sorted(opened) == sorted(re.findall(r"\\end\{(.*?)\}", plain)), text
    unknown = set(re.findall(r"\\([A-Za-z]+)", plain)) - COMMANDS
    assert not unknown, f"{unknown} in {text}"
    assert plain.isascii(), text
    assert "None" not in text


def check_mathml(text: str) -> None:
    """Well formed XML, only elements of presentation MathML, each with as many parts as it has."""
    check_element(ElementTree.fromstring(text), "")


def check_element(element: ElementTree.Element, parent: str) -> None:
    name = element.tag.removeprefix(NAMESPACE)
    parts = list(element)
    assert name in TOKENS | CONTAINERS | set(CHILDREN), name
    assert len(parts) == CHILDREN.get(name, len(parts)), f"{name} has {len(parts)} parts"
    assert parent == INSIDE.get(name, parent), f"{name} stands in {parent}"
    if name in TOKENS:
        assert not parts
        assert name == "mspace" or element.text
    else:
        assert not (element.text or "").strip(), f"text in {name}: {element.text}"
    for part in parts:
        assert not (part.tail or "").strip()
        check_element(part, name)
