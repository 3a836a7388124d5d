"""Pages that a browser shows and prints: no script, nothing from outside, everything escaped.

A page that a browser opens trusts nobody's words: what is not `Markup` of these files is escaped.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from html import escape

SIMULATED_BAND = "SIMULATED TEE: not for patient data"  # as the panel says it
_NUMBER = re.compile(r"-|[+-]?[0-9][0-9,]*(?:\.[0-9]+)?(?: (?:of|to) [0-9][0-9.,]*)?")

_STYLE = """
:root { color-scheme: light; }
body { font: 10.5pt/1.45 "Segoe UI", "Helvetica Neue", Arial, sans-serif; color: #1d2430;
  background: #fff; margin: 2rem auto; max-width: 64rem; padding: 0 1.5rem; }
h1 { font-size: 20pt; margin: 0 0 .3rem; }
h2 { font-size: 14pt; margin: 2rem 0 .5rem; border-bottom: 2px solid #1d2430; }
h3 { font-size: 11.5pt; margin: 1.4rem 0 .3rem; }
p, ul, dl { margin: .4rem 0; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; }
dt { font-weight: 600; }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: 9pt;
  line-height: 1.3; }
table.clear { table-layout: fixed; }
.clear th:nth-child(1) { width: 31%; }
.clear th:nth-child(2) { width: 10%; }
.clear th:nth-child(3) { width: 23%; }
.clear th:nth-child(5) { width: 8%; }
caption { text-align: left; padding: .2rem 0; color: #414b5a; }
th, td { border: 1px solid #b9c1cc; padding: .15rem .4rem; text-align: left; vertical-align: top; }
thead th { background: #eef1f5; }
tbody th { font-weight: 600; overflow-wrap: break-word; }
.above { font-weight: 400; color: #414b5a; }
.number { text-align: right; white-space: nowrap; }
.octets { font-family: "DejaVu Sans Mono", Consolas, monospace; font-size: 8.5pt;
  overflow-wrap: anywhere; }
.band { border: 3px solid #8a5a00; color: #5c3c00; font-weight: 700; text-align: center;
  padding: .5rem; margin: .8rem 0; background: repeating-linear-gradient(-45deg, #fff4dc,
  #fff4dc 12px, #f6dfb0 12px, #f6dfb0 24px); }
footer { margin-top: 2rem; border-top: 1px solid #b9c1cc; color: #414b5a; font-size: 9pt; }
@media print {
  @page { size: A4; margin: 15mm; }
  body { margin: 0; max-width: none; padding: 0; font-size: 9.5pt; }
  table { font-size: 7.5pt; }
  thead { display: table-header-group; }
  tr, .band, dl { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
}
"""


def page(title: str, parts: Iterable[str], *, style: str = "", pictures: bool = False) -> bytes:
    """Return the octets of a page, UTF-8.

    Parameters
    ----------
    style : more rules, after those that all pages have.
    pictures : whether pictures may stand in it, as `picture` makes them.
    """
    sources = " img-src data:;" if pictures else ""
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        f"content=\"default-src 'none';{sources} style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}{style}</style>\n</head>\n"
        "<body>\n<main>\n"
    )
    return (head + "\n".join(filter(None, parts)) + "\n</main>\n</body>\n</html>\n").encode()


def band(*, simulated: bool) -> str:
    """Return the band that says SIMULATED, nothing if it is not."""
    return f'<p class="band" role="note">{escape(SIMULATED_BAND)}</p>' if simulated else ""


def facts_list(facts: Iterable[tuple[str, str]]) -> str:
    """Return names and what is to be said of each."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_content(value)}</dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'


def picture(png: bytes, words: str) -> str:
    """Return a picture that stands in the page itself; `words` say what it shows."""
    data = base64.b64encode(png).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{escape(words)}"></figure>'


class Markup(str):
    """Text in which everything that is not markup is escaped already."""

    __slots__ = ()


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    kind: str = "plain",
    states: Sequence[str] = (),
) -> str:
    """Return a table; the first cell of a row names it, and numbers stand right.

    Parameters
    ----------
    kind : class of the table.
    states : class of each row; none if empty.
    """
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(
        f"<tr{_class(n, states)}>"
        + "".join(_cell(place, text) for place, text in enumerate(row))
        + "</tr>"
        for n, row in enumerate(rows)
    )
    return (
        f'<table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    )


def _class(n: int, states: Sequence[str]) -> str:
    return f' class="{states[n]}"' if n < len(states) and states[n] else ""


def _cell(place: int, text: str) -> str:
    if place == 0:
        return f'<th scope="row">{_content(text)}</th>'
    kind = ' class="number"' if _NUMBER.fullmatch(text) else ""
    return f"<td{kind}>{_content(text)}</td>"


def _content(text: str) -> str:
    return text if isinstance(text, Markup) else escape(text)
