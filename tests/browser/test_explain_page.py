"""The page of `pullback explain --html` in a real browser: marks, keyboard, steps, sizes."""

import re

import pytest

PAGES = ["notes", "trained", "shared"]
LEARNED = {"notes": "W1", "trained": "W1", "shared": "W"}


def marked(page, selector):
    """The keys of marked elements."""
    return page.eval_on_selector_all(
        f"{selector}.marked", "all => all.map(e => e.dataset.var || e.dataset.name)"
    )


def article(page):
    """The id of the article that is shown."""
    return page.eval_on_selector("#about > :not([hidden])", "e => e.id")


def line_of(page, key, role):
    return page.locator(f'.line[data-var="{key}"][data-role="{role}"]')


def box_of(page, key):
    return page.locator(f'#picture [data-node][data-var="{key}"]').first


INSIDE = """element => {
    const pane = element.closest(".pane").getBoundingClientRect();
    const own = element.getBoundingClientRect();
    return own.top >= pane.top && own.bottom <= pane.bottom;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_pointing_at_one_marks_it_in_the_others(open_page, name):
    page, key = open_page(name), LEARNED[name]
    line, box = line_of(page, key, "error"), box_of(page, key)

    def away():
        page.mouse.move(800, 20)
        assert article(page) == "hint"
        assert marked(page, "*") == []

    line.locator("code").hover(position={"x": 2, "y": 5})
    assert set(marked(page, "#picture [data-node]")) == {key}
    assert key in marked(page, ".equation .left .v")
    assert key in marked(page, "code .v")
    assert article(page) == f"about-{key}"
    assert box.evaluate(INSIDE)
    away()
    page.evaluate("document.getElementById('code').scrollTop = 0")
    box.locator("rect").hover()
    assert key in marked(page, ".line")
    assert line.evaluate(INSIDE)
    assert article(page) == f"about-{key}"
    assert page.locator(f"#about-{key} .card.value .heat, #about-{key} .card.value table").count()
    away()
    page.locator(f'.equation .right .v.value[data-name="{key}"]').first.hover()
    assert set(marked(page, "#picture [data-node]")) == {key}
    assert article(page) == f"about-{key}"


@pytest.mark.parametrize("name", ["notes", "shared"])
def test_the_keyboard_is_enough(open_page, name):
    page = open_page(name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#code"
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.line')"):
            break
    first = page.evaluate("document.activeElement.dataset.var")
    assert article(page) == f"about-{first}"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    at = page.evaluate("document.activeElement.dataset.var")
    assert article(page) == f"about-{at}"
    assert at.startswith("~") or at in marked(page, "#picture [data-node]")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-node]')"):
            break
    page.keyboard.press("ArrowRight")
    box = page.evaluate("document.activeElement.dataset.var")
    assert article(page) == f"about-{box}"
    assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"
    page.keyboard.press("Escape")
    assert article(page) == "hint"


@pytest.mark.parametrize("name", PAGES)
def test_steps_walk_through_source_and_picture(open_page, name):
    page = open_page(name)
    steps = page.evaluate("JSON.parse(document.getElementById('data').textContent).steps")
    assert page.locator("#back").is_disabled()
    for number, step in enumerate(steps[:3], start=1):
        page.click("#next")
        assert page.inner_text("#count") == f"Step {number} / {len(steps)}"
        assert article(page) == f"step-{number}"
        assert f" {step['key']} = " in page.text_content("#said")
        figures = (f"#step-{number} .card.error .figure", f"#about-{step['key']} .error .figure")
        shown, known = map(page.inner_html, figures)
        assert shown == known
        assert page.locator("[data-copy]:empty:visible").count() == 0
        lines = page.eval_on_selector_all(".line.current", "all => all.map(e => +e.dataset.line)")
        assert lines == step["lines"]
        boxes = page.eval_on_selector_all("#picture .current", "all => all.map(e => e.dataset.var)")
        assert set(boxes) == {step["key"]}
    page.click("#back")
    assert article(page) == "step-2"
    page.keyboard.press("End")
    assert article(page) == f"step-{len(steps)}"
    assert page.locator("#next").is_disabled()
    page.keyboard.press("ArrowLeft")
    assert article(page) == f"step-{len(steps) - 1}"
    page.keyboard.press("Escape")
    assert page.locator(".line.current").count() == 0
    assert page.inner_text("#count") == "Not begun"


def test_a_value_without_a_box_is_marked_at_the_box_that_stands_for_it(open_page):
    page = open_page("moved")
    steps = page.evaluate("JSON.parse(document.getElementById('data').textContent).steps")
    places = {}
    for step in steps:
        page.click("#next")
        boxes = page.eval_on_selector_all("#picture .current", "all => all.map(e => e.dataset.var)")
        (places[step["key"]],) = set(boxes)
    assert places["reshape_2"] == "power"
    assert places["reshape"] == "constructor"


def test_a_step_says_what_has_arrived_and_what_is_missing(open_page):
    page = open_page("forked")
    for _ in range(30):
        page.click("#next")
        if page.locator(".step:not([hidden]) .missing").count():
            break
    text = page.inner_text(".step:not([hidden])")
    assert "(missing)" in text
    assert "contributions are added" in text


def test_overwriting_shows_the_wrong_answer_and_where_it_goes_wrong(open_page):
    page = open_page("forked")
    page.check("#overwrite")
    text = page.inner_text("#overwriting")
    assert "It goes wrong first at" in text
    assert "dW1" in text
    assert line_of(page, "W1", "error").evaluate("e => e.classList.contains('spoilt')")
    assert not line_of(page, "h", "value").evaluate("e => e.classList.contains('spoilt')")
    assert page.locator("#picture .spoilt").count()
    page.uncheck("#overwrite")
    assert page.locator(".spoilt").count() == 0
    page = open_page("two_layer")
    page.check("#overwrite")
    assert "Nothing changes" in page.inner_text("#overwriting")


def test_a_small_local_jacobian_is_drawn(open_page):
    page = open_page("shared")
    box_of(page, "W_out").click()
    image = page.locator("#about-W_out .figures img").first
    assert "∂" in page.inner_text("#about-W_out")
    assert image.evaluate("e => e.naturalWidth") == 12
    assert image.evaluate("e => e.naturalHeight") == 18
    assert image.is_visible()


CONTRAST = """() => {
    const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const ground = rgb(getComputedStyle(document.body).backgroundColor);
    return [".k", ".s", ".m", ".c", ".v.value", ".v.error", ".shape", "button", "h2"].map(s => {
        const element = document.querySelector(s);
        if (!element) return 21;
        const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground)];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    });
}"""


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_light_and_dark_follow_the_system_and_the_switch(open_page):
    light, dark = open_page("notes"), open_page("notes", color_scheme="dark")
    assert ground(light) == "rgb(255, 255, 255)"
    assert ground(dark) == "rgb(13, 17, 23)"
    for page in (light, dark):
        assert min(page.evaluate(CONTRAST)) >= 4.5
    light.click("#theme")
    assert ground(light) == ground(dark)
    fill = "getComputedStyle(document.querySelector('.pb-ground')).fill"
    assert light.evaluate(fill) == dark.evaluate(fill)
    dark.click("#theme")
    assert ground(dark) == "rgb(255, 255, 255)"
    assert min(dark.evaluate(CONTRAST)) >= 4.5


def test_the_page_in_chinese(open_page):
    page = open_page("notes", "zh")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    page.click("#next")
    assert page.inner_text("#count").startswith("步骤 1 /")
    line_of(page, "h_relu", "value").locator("code").hover(position={"x": 2, "y": 5})
    assert "误差信号" in page.inner_text("#about-h_relu")
    assert "3,240 个被阻断" in page.inner_text("#about-h")


@pytest.mark.parametrize("name", ["notes", "trained"])
def test_a_phone_shows_it_without_scrolling_sideways(open_page, name):
    page = open_page(name, width=360, height=740, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    line = line_of(page, LEARNED[name], "error")
    line.scroll_into_view_if_needed()
    line.locator("code").tap(position={"x": 2, "y": 5})
    assert article(page) == f"about-{LEARNED[name]}"
    about = page.locator("#about").bounding_box()
    assert about["y"] + about["height"] <= 741
    assert line.bounding_box()["width"] <= 360


SEEN = """element => {
    const pane = element.closest(".pane").getBoundingClientRect();
    const own = element.getBoundingClientRect();
    return own.left >= pane.left && own.right <= pane.right;
}"""


def test_a_picture_little_wider_than_its_pane_begins_as_a_whole(open_page):
    page = open_page("forked")
    assert page.get_attribute("#fit", "aria-pressed") == "true"
    page.click("#fit")
    assert page.get_attribute("#fit", "aria-pressed") == "false"


def test_the_whole_picture_fits_when_asked(open_page):
    page = open_page("trained")
    first = page.locator(".line[data-var]").first.get_attribute("data-var")
    assert box_of(page, first).evaluate(SEEN)
    sizes = "() => ['#picture svg', '#picture'].map(s => document.querySelector(s).clientWidth)"
    picture, pane = page.evaluate(sizes)
    assert picture > pane
    page.click("#fit")
    picture, pane = page.evaluate(sizes)
    assert picture <= pane
    assert page.get_attribute("#fit", "aria-pressed") == "true"


def test_printed_it_shows_every_article(open_page):
    page = open_page("two_layer", width=800)
    page.emulate_media(media="print")
    shown = page.eval_on_selector_all(".about", "all => all.map(e => e.offsetHeight > 0)")
    assert len(shown) > 8
    assert all(shown)
    bottoms = "all => Math.max(...all.map(e => e.getBoundingClientRect().bottom))"
    around, within = (page.eval_on_selector_all(s, bottoms) for s in ("#about", ".about"))
    assert around >= within
    assert not page.locator("#stepper").is_visible()


def test_nothing_on_the_page_may_run_but_its_own_script(open_page):
    page = open_page("two_layer")
    add = "s => { const e = document.createElement('script'); e.text = s; document.body.append(e) }"
    page.evaluate(add, "window.stolen = true")
    assert page.evaluate("window.stolen") is None
    (error,) = open_page.errors()
    assert "Content Security Policy" in error
    open_page.errors().clear()


def test_every_control_says_what_it_is(open_page):
    page = open_page("shared")
    names = page.evaluate("""() => [...document.querySelectorAll(
        'button, [role=button], input, nav, section[aria-labelledby], aside, img')].map(e =>
        (e.getAttribute('aria-label') || e.alt || e.textContent || e.labels?.[0]?.textContent
         || document.getElementById(e.getAttribute('aria-labelledby'))?.textContent || '').trim())
    """)
    assert len(names) > 30
    assert all(names)
    assert re.fullmatch(r"W, 4 × 4", page.get_attribute('[data-node][data-var="W"]', "aria-label"))
