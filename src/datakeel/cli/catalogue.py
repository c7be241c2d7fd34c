"""The orders about what is known: what is typed after ``explain``, ``rules``, ``patterns`` and ``checklist``."""

# ruff: noqa: PLC0415  (an order loads what it needs, when it needs it)

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from datakeel.mistake import Mistake, unknown

if TYPE_CHECKING:
    from datakeel.patterns.catalogue import Pattern
    from datakeel.rules.rule import Page, Rule
    from datakeel.show.catalogue import Entry, Praised
    from datakeel.show.checklist import Part

WRONG_CASES = 1  # the status where a case of a team's page is not as marked


class ExplainOrder(Struct, frozen=True):
    rule: str

    def carried_out(self) -> int:
        import os

        from datakeel.patterns.catalogue import known
        from datakeel.rules.rule import page
        from datakeel.show import explain, output

        categories, strengths = known_rules(), known_strengths()
        own = {} if self.rule in categories or self.rule in strengths else team_pages(categories)
        if self.rule in own:
            output.write(explain.render(own[self.rule].text, output.paper(sys.stdout, os.environ)), sys.stdout)
            return 0
        if self.rule in categories.values():
            named = ", ".join(rule for rule, category in categories.items() if category == self.rule)
            raise Mistake(f'"{self.rule}" is a category; its rules: {named}')
        if self.rule not in categories and self.rule not in strengths:
            raise Mistake(f"{unknown('rule', self.rule, {*categories, *strengths, *own})} (datakeel rules lists them)")
        text = strengths[self.rule] if self.rule in strengths else page(categories[self.rule], self.rule).text
        cures = {name: known()[name].title for name in patterns_of(self.rule)}
        text = explain.with_patterns(text, cures)
        output.write(explain.render(text, output.paper(sys.stdout, os.environ)), sys.stdout)
        return 0


class RulesOrder(Struct, frozen=True):
    form: str
    strengths: bool = False

    def carried_out(self) -> int:
        import os

        from datakeel.show import catalogue, output

        if self.form == "json":
            given = catalogue.praised_json(praised()) if self.strengths else catalogue.render_json(entries())
            output.write(given, sys.stdout)
            return 0
        paper = output.paper(sys.stdout, os.environ)
        rules = "" if self.strengths else catalogue.render(entries(), paper) + "\n"
        output.write(rules + catalogue.render_praised(praised(), paper), sys.stdout)
        return 0


class TryOrder(Struct, frozen=True):
    """The rules of a folder are run on their pages' cases."""

    folder: Path

    def carried_out(self) -> int:
        from datakeel.config import team_rules
        from datakeel.rules import team
        from datakeel.rules.rule import CATEGORIES
        from datakeel.show import output
        from datakeel.trial import cases, tried

        known = known_rules()
        named = team_rules(self.folder, CATEGORIES)
        if not named:
            raise Mistake(f"{self.folder} has no rules: one is CATEGORY/name.py with name.md beside it")
        taken = [
            f"{r.file}: {r.name} is datakeel's rule already; give it another name" for r in named if r.name in known
        ]
        if taken:
            raise Mistake("\n".join(taken))
        rules = team.loaded((rule.category, Path(rule.file)) for rule in named)
        wrong = list(tried(rules))
        count = sum(len(cases(rule.page.text)) for rule in rules)
        lines = f"{count} cases: {'all lines are as marked' if not wrong else 'not as they should be'}"
        output.write("\n".join((*wrong, f"{', '.join(rule.name for rule in rules)}; {lines}")) + "\n", sys.stdout)
        return WRONG_CASES if wrong else 0


class PatternsOrder(Struct, frozen=True):
    """The whole catalogue, or the one pattern of that `name`."""

    name: str
    form: str
    output: Path | None = None

    def carried_out(self) -> int:
        import os

        from datakeel.patterns.catalogue import chapters, known
        from datakeel.show import output, patterns

        chosen = {self.name: pattern_named(self.name)} if self.name else known()
        if self.form == "json":
            text = patterns.render_json(chosen, chapters())
        elif self.form == "markdown":
            text = patterns.markdown_one(self.name, chosen[self.name]) if self.name else patterns.markdown(chapters())
        else:
            paper = output.paper(None if self.output else sys.stdout, os.environ)
            text = (
                patterns.render_one(self.name, chosen[self.name], paper)
                if self.name
                else patterns.render(chapters(), paper)
            )
        output.give(text, self.output)
        return 0


class ChecklistOrder(Struct, frozen=True):
    form: str
    output: Path | None = None

    def carried_out(self) -> int:
        import os

        from datakeel.show import checklist, output

        if self.form == "terminal":
            text = checklist.render(parts(), output.paper(None if self.output else sys.stdout, os.environ))
        else:
            text = (checklist.render_json if self.form == "json" else checklist.markdown)(parts())
        output.give(text, self.output)
        return 0


# What is known -------------------------------------------------------------------------------------------------------


def known_rules() -> dict[str, str]:
    """Every rule, with its category."""
    from datakeel.rules.rule import rules

    return {rule.name: rule.category for rule in rules()}


def team_pages(categories: dict[str, str]) -> dict[str, Page]:
    """The pages of the rules that the configuration of this folder names; nothing of the rules is run."""
    from datakeel.config import load
    from datakeel.rules.rule import own_page

    return {rule.name: own_page(rule.page) for rule in load([Path()], categories).team}


def known_strengths() -> dict[str, str]:
    """Every strength, with its page."""
    from datakeel.rules.strength import strengths

    return {pattern.name: pattern.page.text for pattern in strengths()}


def praised() -> Iterator[Praised]:
    from datakeel.rules.strength import strengths
    from datakeel.show.catalogue import Praised

    for found in strengths():
        page = found.page
        yield Praised(found.name, found.category, page.pillar.value, page.pattern, page.why)


def entries() -> Iterator[Entry]:
    from datakeel.rules.rule import rules
    from datakeel.show.catalogue import Entry

    for rule in rules():
        page = rule.page
        yield Entry(rule.name, rule.category, rule.severity, page.pillar.value, page.pattern, page.why)


def pattern_named(name: str) -> Pattern:
    """The pattern of that name. Raises Mistake, which leads on from the name of a rule or a strength."""
    from datakeel.patterns.catalogue import known

    if name in known():
        return known()[name]
    cures = patterns_of(name)
    if cures:
        raise Mistake(f'"{name}" is a rule or strength; its patterns: {", ".join(cures)}')
    raise Mistake(f"{unknown('pattern', name, known())} (datakeel patterns lists them)")


def patterns_of(name: str) -> list[str]:
    """The patterns that a rule or a strength belongs to."""
    from datakeel.patterns.catalogue import known

    return [pattern for pattern, entry in known().items() if name in (*entry.rules, *entry.strengths)]


def parts() -> Iterator[Part]:
    """The steps of the checklist, each with its rules, most severe first, and its patterns."""
    from datakeel.patterns.catalogue import known, steps
    from datakeel.rules.rule import rules
    from datakeel.show.checklist import Flag, Part

    for name, step in steps().items():
        of_step = sorted(
            (rule for rule in rules() if rule.category == name), key=lambda rule: (rule.severity, rule.name)
        )
        flags = tuple(Flag(rule.name, rule.severity, said(rule), rule.page.pattern) for rule in of_step)
        yield Part(name, step, flags, tuple(p for p, entry in known().items() if entry.step == name))


def said(rule: Rule) -> str:
    """What a rule looks for, in the first sentence of its function."""
    import inspect

    from datakeel.show.words import first_sentence, flat

    return first_sentence(flat(inspect.getdoc(rule.judge) or ""))
