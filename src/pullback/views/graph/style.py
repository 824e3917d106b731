"""The colours and lines of pictures; dark where the reader's system is dark.

Value and error signal are blue and orange, which people who see fewer colours tell apart too,
and they keep to their own sides of a wire. A page that has a switch of its own sets the variables
on an element with the attribute data-theme="dark" or "light" around the picture.
"""

from __future__ import annotations

LIGHT = {
    "ground": "#ffffff",
    "ink": "#1c2128",
    "soft": "#57606a",
    "line": "#8c959f",
    "box": "#f6f8fa",
    "input": "#e4f0fb",
    "learned": "#fdf0cf",
    "value": "#0a5ca8",
    "error": "#b24300",
    "mark": "#ffe08a",
}
DARK = {
    "ground": "#0d1117",
    "ink": "#e6edf3",
    "soft": "#a3acb7",
    "line": "#6e7681",
    "box": "#161b22",
    "input": "#10263f",
    "learned": "#352a0c",
    "value": "#79bbff",
    "error": "#ffa463",
    "mark": "#6b5200",
}

_RULES = """\
.pb-graph text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;\
font-size:11px;fill:var(--pb-ink)}
.pb-graph text.pb-title{font-size:13px}
.pb-graph text.pb-note{fill:var(--pb-soft)}
.pb-graph text.pb-value{fill:var(--pb-value)}
.pb-graph text.pb-error{fill:var(--pb-error)}
.pb-ground{fill:var(--pb-ground)}
.pb-box{fill:var(--pb-box);stroke:var(--pb-line);stroke-width:1.2}
.pb-input .pb-box{fill:var(--pb-input);stroke:var(--pb-value)}
.pb-learned .pb-box{fill:var(--pb-learned);stroke:var(--pb-ink)}
.pb-output .pb-box{fill:var(--pb-ground);stroke:var(--pb-ink);stroke-width:2}
.pb-folded .pb-box{stroke-dasharray:5 3;stroke:var(--pb-ink)}
.pb-backward .pb-box{stroke:var(--pb-error)}
.pb-update .pb-box{stroke:var(--pb-ink);stroke-width:2}
.pb-wire path{fill:none;stroke:var(--pb-value);stroke-width:1.4}
.pb-wire path.pb-back{stroke:var(--pb-error)}
.pb-wire path.pb-head{fill:var(--pb-value);stroke:none}
.pb-wire path.pb-back.pb-head{fill:var(--pb-error)}
.pb-fork{fill:var(--pb-value)}
.pb-sum circle{fill:var(--pb-ground);stroke:var(--pb-error);stroke-width:1.4}
.pb-sum path{stroke:var(--pb-error);stroke-width:1.4}
.pb-unit{fill:var(--pb-box);stroke:var(--pb-ink);stroke-width:1.2}
.pb-unit-input{fill:var(--pb-input)}
.pb-dot{fill:var(--pb-soft)}
.pb-link{fill:none;stroke:var(--pb-line);stroke-width:.6;opacity:.55}
.pb-marked .pb-box{fill:var(--pb-mark);stroke-width:2.4}
.pb-wire.pb-marked path{stroke-width:3}
.pb-wire.pb-marked path.pb-head{stroke-width:1}"""


def style_sheet() -> str:
    """The style element of a picture, as text."""
    light, dark = _variables(LIGHT), _variables(DARK)
    return (
        f"<style>\n.pb-graph{{{light}}}\n"
        f"@media (prefers-color-scheme:dark){{.pb-graph{{{dark}}}}}\n"
        f'[data-theme="light"] .pb-graph{{{light}}}\n'
        f'[data-theme="dark"] .pb-graph{{{dark}}}\n{_RULES}\n</style>'
    )


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--pb-{name}:{colour}" for name, colour in colours.items())
