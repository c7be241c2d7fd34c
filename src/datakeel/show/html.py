"""The review as one HTML page that needs no network: summary, map, findings with their stories, strengths."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib import resources

from datakeel.finding import Finding, Review, Severity, Step, Strength
from datakeel.model.place import Place
from datakeel.show.map import Chart, chart
from datakeel.show.sources import Sources
from datakeel.show.words import DOUBT, beyond, by_severity, counted, flat, joined, size, sound, tally, unseen

AROUND = 2  # lines of code shown above and below what is told
TAB = 4
PLACES = 12  # of one line of the map
SPOTS = 6  # of one recommendation
REMARKS = 40
PILLARS = {"reliability": "Reliability", "scalability": "Scalability", "maintainability": "Maintainability"}


def render(review: Review, sources: Sources) -> str:
    """The whole report; the same review gives the same bytes."""
    review = sound(review)
    shown = (*review.findings, *review.doubtful)
    articles = [article(n, finding, sources) for n, finding in enumerate(shown)]
    sure, low = articles[: len(review.findings)], articles[len(review.findings) :]
    parts = [
        section("summary", "Summary", summary(review, sources)),
        section("map", "Map", drawing(review, sources)),
        section("strengths", "Strengths", strengths(review, sources)),
        section("findings", "Issues found", [*filters(shown), *(sure or ["<p>None.</p>"])]),
        *([section("low", "Low confidence", [f"<p class=soft>{text(DOUBT)}</p>", *low])] if low else []),
        section("recommendations", "Recommendations", recommendations(review.findings, sources)),
    ]
    links = {"summary": "Summary", "map": "Map", "strengths": "Strengths", "findings": "Issues"}
    if low:
        links["low"] = "Low confidence"
    return page(f"Review of {project(sources)}", "", parts, {**links, "recommendations": "Recommendations"})


def render_map(review: Review, sources: Sources) -> str:
    """The map alone, on the whole of the page; the findings are there to be shown beside it."""
    review = sound(review)
    stories = [article(n, finding, sources) for n, finding in enumerate(review.findings)]
    parts = [section("map", "", drawing(review, sources)), f"<div hidden>{''.join(stories)}</div>"]
    return page(f"Map of {project(sources)}", "whole", parts, {})


def project(sources: Sources) -> str:
    """What people call it: its folder's name."""
    return os.path.basename(sources.root) or "the system"


def page(title: str, kind: str, parts: Iterable[str], links: dict[str, str]) -> str:
    """One document. What may run or style it is named by its hash: nothing that stands in the reviewed code can."""
    style, script = asset("style.css"), asset("page.js")
    policy = f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; base-uri 'none'"
    named = "".join(f'<a href="#{name}">{text(word)}</a>' for name, word in links.items())
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)} · datakeel</title>\n"
        f'<style>{style}</style>\n</head>\n<body class="{kind}">\n'
        f"<header><h1>{text(title)}</h1><nav>{named}</nav>"
        f'<button id="theme" type="button">Light or dark</button></header>\n'
        f"<main>\n{''.join(f'{part}{chr(10)}' for part in parts)}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def asset(name: str) -> str:
    return resources.files("datakeel.show").joinpath("page", name).read_text(encoding="utf-8")


def digest(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def section(name: str, title: str, parts: Iterable[str]) -> str:
    head = f"<h2>{text(title)}</h2>" if title else ""
    return f'<section id="{name}" aria-label="{text(title or name)}">{head}{"".join(parts)}</section>'


def text(words: str) -> str:
    """Text that is no markup and steers nothing: control characters, also those that turn the reading direction, become
    ``?``.

    >>> text('<b onclick="x">\\u202e')
    '&lt;b onclick=&quot;x&quot;&gt;?'
    """
    return escape("".join(c if c.isprintable() else "?" for c in words))


# Summary, strengths, recommendations ---------------------------------------------------------------------------------


def summary(review: Review, sources: Sources) -> Iterator[str]:
    counts = by_severity(review.findings)
    yield f"<p>{text(flat(review.summary.text))}</p>" if review.summary.text else ""
    entries = [f'<li class="{s.word}"><b>{n:,}</b>{s.word}</li>' for s, n in counts.items()]
    yield f'<ul class="tally">{"".join(entries)}<li><b>{len(review.strengths):,}</b>strengths</li></ul>'
    yield f"<p>Reviewed: {text(size(review))}: {tally(review.findings)}.</p>"
    for told in unseen(review):
        yield f'<p class="soft">{text(told[0].upper() + told[1:])}.</p>'
    remarks = review.summary.remarks
    if remarks:
        more = f"<li>and {len(remarks) - REMARKS:,} more (--format json has all)</li>" if len(remarks) > REMARKS else ""
        listed = "".join(f"<li>{text(flat(sources.remark(remark)))}</li>" for remark in remarks[:REMARKS])
        said = f"Not analysed, or to be looked at ({len(remarks):,})"
        yield f"<details><summary>{said}</summary><ul>{listed}{more}</ul></details>"


def strengths(review: Review, sources: Sources) -> Iterator[str]:
    if not review.strengths:
        yield "<p>No pattern was recognised as a strength in what could be read.</p>"
        return
    yield f'<ul class="strengths">{"".join(praised(strength, sources) for strength in review.strengths)}</ul>'


def praised(strength: Strength, sources: Sources) -> str:
    spots = dict.fromkeys(spot(step.place, sources) for step in strength.evidence if step.place.path)
    seen = "<br>".join([f"<code>{text(name)}</code>" for name in spots] + [text(beyond(strength))])
    said = f"<b>{text(flat(strength.pattern))}</b><br>{text(flat(strength.message))}"
    return f'<li>{said}<br><span class="soft">{text(flat(strength.why))}</span><br>{seen}</li>'


def recommendations(findings: Sequence[Finding], sources: Sources) -> Iterator[str]:
    """One entry a pattern, the most severe and the most frequent first."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(flat(finding.pattern), []).append(finding)
    if not groups:
        yield "<p>None: keep what is written under Strengths.</p>"
        return
    ordered = sorted(groups.items(), key=lambda g: (min(f.severity for f in g[1]), -len(g[1]), g[0]))
    yield f"<ol>{''.join(recommended(pattern, cured, sources) for pattern, cured in ordered)}</ol>"


def recommended(pattern: str, cured: Sequence[Finding], sources: Sources) -> str:
    worst = min(finding.severity for finding in cured).word
    rules = joined(list(dict.fromkeys(finding.rule for finding in cured)))
    spots = list(dict.fromkeys(f"<code>{text(spot(f.place, sources))}</code>" for f in cured))
    named = spots if len(spots) <= SPOTS else [*spots[:SPOTS], f"{len(spots) - SPOTS} more places"]
    count = counted(len(cured), "finding")
    return f'<li><b class="{worst}">{worst}</b>: {text(pattern)} ({count} of {text(rules)}): {joined(named)}.</li>'


# Findings -------------------------------------------------------------------------------------------------------------


def filters(findings: Sequence[Finding]) -> Iterator[str]:
    """By severity, category and path; no script, no filter."""
    if not findings:
        return
    present = sorted({finding.severity for finding in findings})
    boxes = "".join(
        f'<label class="{s.word}"><input type="checkbox" value="{s.word}" checked>{s.word}</label>' for s in present
    )
    categories = sorted({finding.category for finding in findings})
    choices = "".join(f'<option value="{text(name)}">{text(name)}</option>' for name in categories)
    yield (
        f'<form id="filters" class="filters" aria-label="Which findings">{boxes}'
        f'<label>Category <select name="category"><option value="">all</option>{choices}</select></label>'
        f'<label>Path <input name="path" type="search" placeholder="part of a path"></label>'
        f'<output id="shown" class="soft"></output></form>'
    )


def article(number: int, finding: Finding, sources: Sources) -> str:
    """A finding: what, where, the code, the story, why it matters, and the way out."""
    place, severity = spot(finding.place, sources), finding.severity.word
    head = (
        f'<div class="head"><span class="word {severity}">{severity}</span><h3>{text(finding.rule)}</h3>'
        f"<code>{text(place)}</code>"
        + (f'<span class="soft">in {text(finding.symbol)}</span>' if finding.symbol else "")
        + f'<span class="soft">{finding.confidence.word} confidence</span></div>'
    )
    told = "".join(f"<li>{text(flat(step.message))}{elsewhere(step, finding, sources)}</li>" for step in finding.story)
    return (
        f'<article id="finding-{number}" class="{severity}" data-severity="{severity}" '
        f'data-category="{text(finding.category)}" data-path="{text(sources.name(finding.place.path))}">'
        f'{head}<p class="message">{text(flat(finding.message))}</p>{"".join(frames(finding, sources))}'
        + (f'<ol class="story">{told}</ol>' if told else "")
        + f"<dl>{''.join(facts(finding))}</dl></article>"
    )


def elsewhere(step: Step, finding: Finding, sources: Sources) -> str:
    if not step.place.path or step.place.path == finding.place.path:
        return ""
    return f' <code class="soft">{text(spot(step.place, sources))}</code>'


def facts(finding: Finding) -> Iterator[str]:
    if finding.reached_from:
        yield pair("Reached from", text(joined(list(finding.reached_from))))
    yield pair("Why it matters", f"{PILLARS[finding.pillar]}. {text(flat(finding.why))}")
    yield pair("Pattern to apply", text(flat(finding.pattern)))
    if finding.fix is not None:
        code = finding.fix.text.strip("\n").expandtabs(TAB)
        shown = f'<pre class="fix">{chr(10).join(map(text, code.split(chr(10))))}</pre>' if code.strip() else ""
        yield pair("Suggested fix", f"{text(flat(finding.fix.title))}{shown}")
    if finding.related:
        yield pair("Also answers", text(joined(list(finding.related))))


def pair(term: str, said: str) -> str:
    return f"<dt>{term}</dt><dd>{said}</dd>"


def frames(finding: Finding, sources: Sources) -> Iterator[str]:
    """The code that the story tells of, a frame for each file: its lines with a few around, each with its steps."""
    steps: dict[str, dict[int, list[int]]] = {finding.place.path: {finding.place.line: []}}
    for number, step in enumerate(finding.story, 1):
        if step.place.path:
            steps.setdefault(step.place.path, {}).setdefault(step.place.line, []).append(number)
    for path, lines in steps.items():
        rows = list(framed(path, lines, sources))
        if rows:
            name = text(sources.name(path))
            yield f'<figure class="frame"><figcaption>{name}</figcaption><pre>{"".join(rows)}</pre></figure>'


def framed(path: str, told: dict[int, list[int]], sources: Sources) -> Iterator[str]:
    near = sorted({line + n for line in told for n in range(-AROUND, AROUND + 1)})
    shown = {line: code.expandtabs(TAB) for line in near if (code := sources.line(path, line)) is not None}
    margin = min((len(code) - len(code.lstrip()) for code in shown.values() if code.strip()), default=0)
    before = None
    for line, code in shown.items():
        if line not in told and not code.strip():
            continue
        if before is not None and line > before + AROUND:
            yield '<span class="row"><i>⋮</i></span>'
        before = line
        mark = "".join(f"<b>{number}</b>" for number in told.get(line, ()))
        kind = "row told" if line in told else "row"
        yield f'<span class="{kind}"><i>{line}</i>{text(code[margin:])}{mark}</span>'


def spot(place: Place, sources: Sources) -> str:
    return f"{sources.name(place.path)}:{place.line}"


# The map --------------------------------------------------------------------------------------------------------------


def drawing(review: Review, sources: Sources) -> Iterator[str]:
    if not review.atlas.nodes:
        yield "<p>Nothing that keeps or moves data was found in what could be read.</p>"
        return
    tools = "".join(
        f'<button type="button" data-zoom="{how}" aria-label="{label}">{sign}</button>'
        for how, label, sign in (("out", "Zoom out", "−"), ("fit", "Fit all", "Fit"), ("in", "Zoom in", "+"))
    )
    yield (
        '<div class="atlas"><div class="side">'
        '<input type="search" placeholder="Find a name  ( / )" aria-label="Find a name">'
        '<fieldset aria-label="Which lines"><label><input type="checkbox" id="only-broken">only with findings</label>'
        '</fieldset><div class="nodes"></div></div>'
        '<div class="stage"><svg role="group" aria-label="Map of the system"></svg>'
        "<noscript>The map is drawn by a script. Without one, datakeel map prints it as Mermaid.</noscript>"
        '<div class="none" hidden>Nothing like that is drawn.</div>'
        '<div class="where" hidden><span></span><button type="button">Show all</button></div>'
        f'<div class="tools">{tools}</div></div>'
        '<div class="panel" role="region" aria-label="What is chosen"></div></div>'
    )
    yield f'<script type="application/json" id="atlas-data">{data(review, sources)}</script>'


def data(review: Review, sources: Sources) -> str:
    """What the script draws, as JSON in which nothing can end the element that holds it."""
    drawn = chart(review.atlas, review.findings)
    found = {
        "nodes": list(nodes(drawn, sources)),
        "links": [
            {
                "a": link.a,
                "b": link.b,
                "kinds": link.kinds,
                "verbs": link.verbs,
                "places": list(dict.fromkeys(spot(place, sources) for place in link.places))[:PLACES],
                "findings": link.findings,
            }
            for link in drawn.links
        ],
        "folds": [
            {"name": f.name, "short": f.short, "group": f.group, "kind": f.kind, "about": f.about, "members": f.members}
            for f in drawn.folds
        ],
        "findings": [
            {"rule": f.rule, "severity": Severity(f.severity).word, "symbol": f.symbol, "article": f"finding-{n}"}
            for n, f in enumerate(review.findings)
        ],
        "untouched": review.atlas.untouched,
    }
    return (
        json.dumps(found, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    )


def nodes(drawn: Chart, sources: Sources) -> Iterator[dict[str, object]]:
    for number, node in enumerate(drawn.nodes):
        yield {
            "name": node.name,
            "kind": node.kind,
            "group": node.group,
            "runs": node.runs,
            "ways": node.ways,
            "place": spot(node.place, sources) if node.place else "",
            "findings": drawn.marked.get(number, ()),
        }
