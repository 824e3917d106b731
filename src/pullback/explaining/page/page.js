// Marks one value in source, equations, picture and panel; walks through the backward pass.
// A key names a value; elements that stand for it have it as data-var, data-also or data-name.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const panes = ["code", "picture"].map($);

const state = { pinned: null, step: null };

// Marks.

const elementsOf = new Map();
for (const element of all("[data-var], [data-name]")) {
  const { var: own, also = "", name } = element.dataset;
  for (const key of new Set([own, name, ...also.split(" ")])) {
    if (!key) continue;
    if (!elementsOf.has(key)) elementsOf.set(key, []);
    elementsOf.get(key).push(element);
  }
}

// A value without a box of its own is marked at the box that stands for it.
const placeOf = new Map(Object.entries(data.boxes));
for (const [key, place] of placeOf) {
  const boxes = all("[data-node]").filter((box) => box.dataset.var === place);
  elementsOf.set(key, [...(elementsOf.get(key) || []), ...boxes]);
}

function show(key, from = null) {
  all(".marked").forEach((element) => element.classList.remove("marked", "pb-marked"));
  const marked = elementsOf.get(key) || [];
  marked.forEach((element) => element.classList.add("marked", "pb-marked"));
  const others = panes.filter((pane) => !from || !pane.contains(from));
  for (const pane of others) {
    const inside = marked.filter((element) => pane.contains(element));
    const whole = inside.filter((element) => element.matches(".line, [data-node]"));
    (whole.length ? whole : inside.slice(0, 1)).forEach((element) => reveal(pane, element));
  }
  showAbout(key ? `about-${key}` : "hint");
}

function showAbout(id) {
  const wanted = $(id) || $("hint");
  if (!wanted.hidden) return;
  for (const place of all("[data-copy]:empty", wanted)) {
    place.append($(`about-${place.dataset.copy}`).querySelector(".error > .figure").cloneNode(true));
  }
  all("#about > *").forEach((article) => { article.hidden = article !== wanted; });
  $("about").scrollTop = 0;
}

function reveal(pane, element) {
  if (!element) return;
  const outer = pane.getBoundingClientRect();
  const inner = element.getBoundingClientRect();
  // The pane's own heading covers its top; on a phone the panel below covers its bottom.
  const top = outer.top + 48;
  const cover = $("about").getBoundingClientRect().top;
  const bottom = cover > top + 48 ? Math.min(outer.bottom, cover) : outer.bottom;
  if (inner.top < top) pane.scrollTop -= top - inner.top;
  else if (inner.bottom > bottom) pane.scrollTop += inner.bottom - bottom + 8;
  const far = inner.left < outer.left + 120 || inner.right > outer.right - 120;
  if (element.closest("svg") && far) {
    pane.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
  }
}

// What the pointer is over, what was chosen, the step: the first there is counts.

const keyOf = (element) => element.dataset.name || element.dataset.var;

function pin(key, from) {
  state.pinned = key;
  all("[aria-current]").forEach((element) => element.removeAttribute("aria-current"));
  if (key) from.closest("[data-var]").setAttribute("aria-current", "true");
  if (key) show(key, from);
  else rest();
}

function rest() {
  if (state.pinned) show(state.pinned, document.activeElement);
  else if (state.step !== null) showStep();
  else show(null);
}

for (const pane of panes) {
  pane.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const target = event.target.closest("[data-name], [data-var]");
    if (target) show(keyOf(target), target);
  });
  pane.addEventListener("pointerleave", rest);
  pane.addEventListener("click", (event) => {
    const target = event.target.closest("[data-name], [data-var]");
    if (target) pin(keyOf(target), target);
  });
  pane.addEventListener("focusin", (event) => {
    const target = event.target.closest("[data-var]");
    if (target && target.matches(":focus-visible")) pin(keyOf(target), target);
  });
}

// Each pane is one stop of the Tab key; arrow keys move within it.

function roving(pane, items) {
  if (!items.length) return;
  items.forEach((item) => item.setAttribute("tabindex", "-1"));
  items[0].setAttribute("tabindex", "0");
  pane.addEventListener("keydown", (event) => {
    const at = items.indexOf(event.target);
    if (at < 0) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      pin(keyOf(event.target), event.target);
    }
    const moves = {
      ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1,
      Home: 0, End: items.length - 1,
    };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = items[Math.max(0, Math.min(items.length - 1, moves[event.key]))];
    event.target.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });
}
roving($("code"), all(".line[data-var]", $("code")));
roving($("picture"), all("[data-node]", $("picture")));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  state.step = null;
  all(".current, .done").forEach((element) => element.classList.remove("current", "done"));
  pin(null);
  buttons();
});

// Steps.

function showStep() {
  const step = data.steps[state.step];
  const lines = new Set(step.lines);
  const past = new Set(data.steps.slice(0, state.step).flatMap((earlier) => earlier.lines));
  show(step.key);
  for (const line of all(".line")) {
    const number = Number(line.dataset.line);
    line.classList.toggle("current", lines.has(number));
    line.classList.toggle("done", past.has(number) && !lines.has(number));
  }
  for (const node of all("#picture [data-node]")) {
    node.classList.toggle("current", node.dataset.var === (placeOf.get(step.key) || step.key));
  }
  all(".line.current").reverse().forEach((line) => reveal($("code"), line));
  reveal($("picture"), $("picture").querySelector(".current"));
  showAbout(`step-${state.step + 1}`);
  $("said").textContent = $(`step-${state.step + 1}`).querySelector("h3").textContent;
}

function goTo(step) {
  state.step = Math.max(0, Math.min(data.steps.length - 1, step));
  state.pinned = null;
  showStep();
  buttons();
}

function buttons() {
  const at = state.step;
  $("back").disabled = !at;
  $("next").disabled = at === data.steps.length - 1;
  $("count").textContent =
    at === null ? data.words.start : `${data.words.step} ${at + 1} / ${data.steps.length}`;
}

if ($("stepper")) {
  $("next").addEventListener("click", () => goTo(state.step === null ? 0 : state.step + 1));
  $("back").addEventListener("click", () => goTo(state.step - 1));
  $("stepper").addEventListener("keydown", (event) => {
    const last = data.steps.length - 1;
    const at = state.step === null ? -1 : state.step;
    const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
    if (!(event.key in moves)) return;
    event.preventDefault();
    goTo(moves[event.key]);
  });
  $("overwrite").addEventListener("change", (event) => {
    const wrong = event.target.checked;
    document.body.classList.toggle("overwriting", wrong);
    for (const key of data.spoilt) {
      for (const element of elementsOf.get(key) || []) {
        const shows = element.dataset.role === "error" || "node" in element.dataset;
        element.classList.toggle("spoilt", wrong && shows);
      }
    }
    if (wrong) showAbout("overwriting");
    else rest();
  });
  buttons();
}

// The picture in its own size, or as a whole. One that is little wider than its pane begins as a
// whole; a wider one, which would be too small to read, where the first line of the source is.

const MOST_SHRUNK = 1.4;

function fit(whole) {
  $("picture").classList.toggle("fit", whole);
  $("fit").setAttribute("aria-pressed", String(whole));
}

function firstView() {
  const wider = $("picture").querySelector("svg").clientWidth / $("picture").clientWidth;
  if (wider <= 1) return;
  fit(wider <= MOST_SHRUNK);
  const computed = all(".line[data-var]", $("code")).flatMap(
    (line) => (elementsOf.get(line.dataset.var) || []).filter((e) => "node" in e.dataset));
  reveal($("picture"), computed[0]);
}

$("fit").addEventListener("click", () => fit(!$("picture").classList.contains("fit")));
firstView();

// Light and dark.

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
});

rest();
