"""The page as text: it parses, needs nothing from elsewhere, its marks resolve, in two languages.

What it does in a browser is tested in tests/browser.
"""

import base64
import hashlib
import json
import re
import zlib
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
from subjects import SUBJECTS, subject_of

import pullback as pb
from pullback.explaining import subject_at
from pullback.explaining.page import page_text, write_page
from pullback.explaining.page.arrays import array_figure
from pullback.explaining.page.code import code_lines, coloured
from pullback.explaining.page.heat import ABOVE, BELOW, NOT_FINITE, level_of, pixels_of
from pullback.explaining.page.jacobian import local_jacobian, local_slopes
from pullback.explaining.page.keys import ERROR, HELPER, VALUE, Keys, Mark
from pullback.explaining.page.listing import Listing
from pullback.explaining.page.markup import data_script, element
from pullback.explaining.page.png import png
from pullback.explaining.page.words import LANGUAGES, Words, identities_of, table_of
from pullback.explaining.step import steps_of
from pullback.primitive import REGISTRY
from pullback.transforms.identities import IDENTITIES

OPERATIONS = {"pb-title", "soft why"}
"""Classes of elements that hold formulas as plain text."""

VOID = {"meta", "img", "input", "br", "hr", "link"}
ENGLISH = Words("en")


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        assert len(given) == len(attributes), f"{tag} has an attribute twice"
        self.elements.append((tag, given))
        if tag not in VOID:
            self.open.append("operation" if given.get("class") in OPERATIONS else tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() in (tag, "operation")

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def values(self, attribute):
        return [given[attribute] for _, given in self.elements if attribute in given]


@cache
def page(name, language="en"):
    return page_text(subject_of(name), language)


@cache
def read(name, language="en"):
    return Reader(page(name, language))


def data_of(text):
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    )


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_page_parses_and_needs_nothing_from_elsewhere(name):
    reader = read(name)
    ids = reader.values("id")
    assert len(ids) == len(set(ids))
    for attribute in ("src", "href", "action", "srcset", "data", "poster"):
        for address in reader.values(attribute):
            assert address.startswith(("#", "data:image/png;base64,"))
    text = page(name).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "://" not in re.sub(r'(content|src)="[^"]*"', "", text)
    assert "@import" not in text
    assert "url(" not in text
    assert len(text) < 1_000_000


@pytest.mark.parametrize("name", SUBJECTS)
def test_its_own_script_alone_may_run(name):
    (policy,) = (a["content"] for _, a in read(name).elements if "http-equiv" in a)
    scripts = re.findall(r"<script>(.*?)</script>", page(name), re.DOTALL)
    (digest,) = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not any(given.keys() & {"onclick", "onload"} for _, given in read(name).elements)


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_mark_leads_to_an_article(name):
    reader, names = read(name), set(subject_of(name).forward.names.values())
    articles = {id_.removeprefix("about-") for id_ in reader.values("id")}
    marked = set(reader.values("data-var")) | set(reader.values("data-name"))
    marked |= {key for keys in reader.values("data-also") for key in keys.split()}
    assert names <= articles
    assert marked - articles == set()
    boxes = {a["data-var"] for _, a in reader.elements if "data-node" in a}
    lines = {a["data-var"] for _, a in reader.elements if "data-line" in a and "data-var" in a}
    assert boxes - names == set()
    assert {subject_of(name).name(var) for var in subject_of(name).wrt} <= boxes & lines


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_step_names_its_box_and_the_lines_it_leads_to(name):
    data, subject = data_of(page(name)), subject_of(name)
    assert len(data["steps"]) == len(subject.derivation.pulls)
    boxes = {a["data-var"] for _, a in read(name).elements if "data-node" in a}
    ids = set(read(name).values("id"))
    source = subject.source.splitlines()
    names = {subject.name(var) for var in subject.forward.names}
    read_later = {c.name for step in steps_of(subject) for c in step.sends}
    assert read_later - boxes - data["boxes"].keys() == set()
    assert names >= data["boxes"].keys()
    assert not boxes & data["boxes"].keys()
    for number, step in enumerate(data["steps"], start=1):
        assert data["boxes"].get(step["key"], step["key"]) in boxes
        assert f"step-{number}" in ids
        assert all(re.match(r"    (\w+ = |return )", source[line - 1]) for line in step["lines"])
    reached = {line for step in data["steps"] for line in step["lines"]}
    for var in subject.wrt:
        line = subject.signal_lines.get(subject.name(var), len(source))
        assert line in reached


def test_lines_stand_beside_their_equations():
    keys = Keys(subject_of("notes"))
    rows = Reader(Listing(keys, ENGLISH).rows())
    text = "".join(data for path, data in rows.texts if "pre" not in path)
    assert "dW2 = h_relu.T @ dy_pred(H, C)W¯2=h" in text.replace("\u2062", "")
    stored = Listing(keys, ENGLISH).stored
    lines = subject_of("notes").source.splitlines()
    assert [stored[n] for n in sorted(stored)] == [
        line.split()[0] for line in lines if re.match(r"    \w+ = ", line)
    ]


def test_names_within_helper_functions_are_no_variables():
    listing = Listing(Keys(subject_of("trained")), ENGLISH)
    helpers, function = listing.rows().split("</details>")
    assert "x" in listing.marks
    assert "(x" in helpers
    assert "data-name" not in helpers
    assert 'data-name="x"' in function


def test_what_is_computed_within_a_line_belongs_to_it():
    subject = subject_of("notes")
    listing = Listing(Keys(subject), ENGLISH)
    assert listing.text_of(Mark("power", VALUE)) == "loss = np.sum(subtract ** 2)"
    assert listing.text_of(Mark("subtract", ERROR)) == "dy_pred = 2 * subtract"
    assert listing.text_of(Mark("x", VALUE)) == ""
    (dy_pred,) = (e.out for e in subject.gradient.equations if e.out.cotangent_of == "y_pred")
    assert Keys(subject).of(dy_pred) == Mark("y_pred", ERROR)
    transposed = next(e.out for e in subject.gradient.equations if e.out.hint == "transpose")
    assert Keys(subject).of(transposed).role == HELPER


def gated(x):
    return np.sum(np.maximum(x, 0) * np.sqrt(x))


def test_a_value_that_an_error_signal_equals_is_a_value():
    subject = subject_at(gated, (np.array([0.5, 4.0]),))
    keys = Keys(subject)
    found = {subject.gradient.names[e.out]: keys.of(e.out) for e in subject.gradient.equations}
    assert found["maximum"] == Mark("maximum", VALUE)
    assert found["dx"] == Mark("x", ERROR)
    listing = Listing(keys, ENGLISH)
    assert listing.text_of(Mark("maximum", VALUE)) == "maximum = np.maximum(x, 0)"
    assert listing.text_of(Mark("sqrt", ERROR)) == "maximum = np.maximum(x, 0)"


def both(x):
    h = np.tanh(x)
    return h, np.sum(h**2)


def test_a_sum_that_something_enters_from_outside_is_no_sum_over_uses_alone():
    text = page_text(subject_at(both, (np.ones(3),)))
    articles = dict(re.findall(r'<article [^>]*id="about-(\w+)"[^>]*>(.*?)</article>', text, re.S))
    assert "∂</mo>" not in articles["h"]
    assert "∂</mo>" in articles["x"]


# Local Jacobians.


@pytest.mark.parametrize("name", ["forked", "shared", "two_layer"])
def test_v_times_the_local_jacobian_is_what_is_sent(name):
    subject, seen, slopes = subject_of(name), 0, 0
    for pull in subject.derivation.pulls:
        for contribution in pull.contributions:
            sent = np.ravel(subject.value(contribution.cotangent))
            v = subject.value(pull.cotangent)
            matrix = local_jacobian(subject, contribution)
            diagonal = local_slopes(subject, contribution)
            if matrix is not None:
                assert np.allclose(np.ravel(v) @ matrix, sent, rtol=1e-12)
                seen += 1
            if diagonal is not None:
                assert np.allclose(np.ravel(v * diagonal), sent, rtol=1e-12)
                slopes += 1
            if matrix is not None and diagonal is not None:
                assert np.array_equal(matrix, np.diag(np.ravel(diagonal)))
    assert seen > 5
    assert slopes >= 3


def test_a_large_local_jacobian_is_never_built():
    subject = subject_of("notes")
    sent = [c for pull in subject.derivation.pulls for c in pull.contributions]
    assert all(local_jacobian(subject, c) is None for c in sent)
    assert "5.12 GB; it is never built" in page("notes")


# Languages.


def test_both_languages_have_the_same_words():
    tables = [table_of(language) for language in LANGUAGES]
    names = [{key: re.findall(r"\{(\w+)\}", text) for key, text in t.items()} for t in tables]
    assert [sorted(n) for n in names[0].values()] == [sorted(n) for n in names[1].values()]
    assert names[0].keys() == names[1].keys()
    assert all(table_of("zh")[key] != text for key, text in table_of("en").items())


def test_every_word_is_used_and_every_sentence_of_other_parts_has_a_translation():
    chinese = Words("zh")
    kinks = {p.kink for p in REGISTRY.values() if p.kink}
    assert {kink for kink in kinks if chinese.translated(kink) == kink} == set()
    assert {i.__name__ for i in IDENTITIES} | {"computed_before"} == identities_of("zh").keys()
    reason = "sums over the N samples: the only product of (N, H) and (N, C) with W2's shape (H, C)"
    assert "(N, H) 与 (N, C) 只有这一种乘积" in chinese.translated(reason)
    assert chinese.translated("h_relu (N, H)") == "h_relu (N, H)"
    assert ENGLISH.translated(reason) == reason


CODE = {"code", "pre", "math", "script", "style", "title", "h1", "operation"}
NUMBER = re.compile(r"\b\d[\d.,]*(?:e[−-]?\d+)?(?: ?[kMGT]?B?\b)?")
TECHNICAL = set("VJP FLOPs Tab Esc J v x c alpha exp return".split())


@pytest.mark.parametrize("name", ["notes", "shared", "vector", "trained"])
def test_no_english_is_left_on_a_chinese_page(name):
    subject, reader = subject_of(name), read(name, "zh")
    programs = (subject.forward, subject.gradient, subject.derivation.program)
    known = {each for program in programs for each in program.names.values()}
    known |= {f"d{each}" for each in known} | {p.name for p in REGISTRY.values()}
    known |= TECHNICAL | set(subject.lengths) | {subject.forward.name}
    said = [text for path, text in reader.texts if not CODE & set(path)]
    for _, given in reader.elements:
        if "data-node" not in given:
            said += [given[each] for each in ("aria-label", "alt", "title") if each in given]
    words = {word for t in said for word in re.findall(r"[A-Za-z_]\w*", NUMBER.sub(" ", t))}
    words -= {"networks", "py"} | {f"float{bits}" for bits in (32, 64)} | {"int64", "bool"}
    assert words - known == set()
    assert len(said) > 100
    tags = [given.get("lang") for tag, given in reader.elements if tag == "html"]
    assert tags == ["zh-Hans"]


def test_another_language_is_refused():
    with pytest.raises(pb.PullbackError, match="no language 'cn'; it has en and zh"):
        page_text(subject_of("two_layer"), "cn")


# Numbers as pictures.


def test_pixels_are_numbers_as_colours():
    pixels, top = pixels_of(np.array([[2.0, -1.0, 0.0, np.nan]]))
    assert top == 2.0
    assert pixels[0].tolist() == [
        [*ABOVE, 255],
        [*BELOW, 128],
        [*BELOW, 0],
        [*NOT_FINITE, 255],
    ]
    assert [level_of(x, 2.0) for x in (2.0, -0.001, 0.0, np.inf)] == ["p9", "n1", "z", "x"]


def test_large_arrays_are_averaged_in_blocks():
    matrix = np.arange(4.0 * 300).reshape(4, 300) % 7
    pixels, top = pixels_of(matrix)
    assert pixels.shape == (4, 128, 4)
    edges = np.arange(129) * 300 // 128
    means = [matrix[0, a:b].mean() for a, b in pairwise(edges)]
    assert np.allclose(pixels[0, :, 3], np.rint(255 * np.array(means) / top), atol=1)


def test_a_png_holds_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 4), np.uint8)
    data = png(pixels)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start], "big")
    rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + length]), np.uint8)
    assert np.array_equal(rows.reshape(3, 21)[:, 1:].reshape(3, 5, 4), pixels)
    assert data[start + 4 + length :][:4] == zlib.crc32(data[start : start + 4 + length]).to_bytes(
        4
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3.25, "3.25"),
        (np.zeros((0, 3)), "no entries"),
        (np.full((2, 3), -1.5), "all 6 entries are −1.5"),
        (np.array([[1.0, -2.0], [0.0, np.nan]]), "1 of 4 are 0; 1 of 4 are not finite"),
        (np.array([True, False, True]), "2 of 3 true"),
        (np.linspace(-1, 1, 90), "−1 … 1, mean"),
    ],
)
def test_an_array_is_told_in_numbers(value, told):
    assert told in " ".join(text for _, text in Reader(array_figure(value, "x", ENGLISH)).texts)


# What a user may call things.


def test_text_of_a_user_cannot_become_markup():
    hostile = "</script><img src=x onerror=alert(1)>&"
    assert "<img" not in element("p", hostile)
    assert Reader(element("p", hostile, title=hostile)).elements == [("p", {"title": hostile})]
    text = data_script("data", {"key": hostile})
    assert text.count("</script>") == 1
    assert data_of(text) == {"key": hostile}
    code = coloured(f'x = "{hostile}"  # {hostile}')
    assert "<img" not in code


def test_code_in_a_users_file_is_shown_as_text(tmp_path):
    file = tmp_path / "<b>net&.py"
    lines = ["def f(x):", "    '</script><script>alert(1)</script>'", "    y = x * (1 < 2)"]
    file.write_text("\n".join([*lines, "    return y.sum()", ""]))
    scope = {}
    exec(compile(file.read_text(), str(file), "exec"), scope)
    text = page_text(subject_at(scope["f"], (np.ones(3),)))
    Reader(text)
    assert "<b>net" not in text
    assert "&lt;b&gt;net&amp;.py, line 3" in text


def test_lines_keep_their_text():
    source = subject_of("trained").source
    lines = code_lines(source, {})
    whole = ["".join(t for _, t in Reader(f"<p>{line.code}</p>").texts) for line in lines]
    for got, line in zip(whole, source.splitlines(), strict=True):
        assert line.startswith(got)
        assert line[len(got) :].strip() == "" or line[len(got) :].strip().startswith("#")


def test_the_page_is_written_whole(tmp_path):
    path = tmp_path / "page.html"
    write_page(subject_of("two_layer"), path, "zh")
    assert path.read_text(encoding="utf-8") == page("two_layer", "zh")
    with pytest.raises(pb.PullbackError, match="page.html"):
        write_page(subject_of("two_layer"), tmp_path / "none" / "page.html")


def test_the_same_page_every_time():
    subject = SUBJECTS["shared"]()
    assert page_text(subject) == page("shared")
