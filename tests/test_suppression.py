"""Comments that suppress: what they reach, and what is said of them."""

import ast
import io
import tokenize

from msgspec import Struct
from msgspec.structs import replace

from datakeel.model.place import Place
from datakeel.suppression import Block, Outcome, apply, blocks_of
from tests.show.sample import LOST_UPDATE

RULES = ("lost-update", "write-skew", "dual-write")


class Comment(Struct, frozen=True):
    line: int
    text: str
    alone: bool


def comments_in(code: str) -> list[Comment]:
    """The comments that speak to datakeel, as the reader gives them."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        text = token.string.removeprefix("#").strip()
        if token.type == tokenize.COMMENT and text.startswith("datakeel:"):
            alone = not token.line[: token.start[1]].strip()
            found.append(Comment(token.start[0], text.removeprefix("datakeel:").strip(), alone))
    return found


def blocks_in(code: str) -> list[Block]:
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append(Block(first, node.lineno, node.end_lineno or node.lineno))
    return found


def judged(code: str, *spots: tuple[int, int], ran: tuple[str, ...] = RULES, rule: str = "lost-update") -> Outcome:
    """What becomes of findings at some lines (first, last) of a file."""
    findings = [replace(LOST_UPDATE, rule=rule, place=Place("a.py", a, 4, b, 9)) for a, b in spots]
    return apply(findings, {"a.py": comments_in(code)}, {"a.py": blocks_in(code)}, ran, RULES)


def lines(outcome: Outcome) -> list[int]:
    return [finding.place.line for finding in outcome.suppressed]


def texts(outcome: Outcome) -> list[str]:
    return [f"{remark.line}: {remark.text}" for remark in outcome.remarks]


def test_a_comment_on_the_line_suppresses_with_its_reason() -> None:
    outcome = judged("a.save()  # datakeel: ignore[lost-update] one writer\nb.save()\n", (1, 1), (2, 2))
    assert lines(outcome) == [1]
    assert outcome.suppressed[0].suppressed == "one writer"
    assert [f.place.line for f in outcome.kept] == [2]
    assert outcome.remarks == ()


def test_a_comment_alone_speaks_of_the_next_line() -> None:
    code = "# datakeel: ignore[lost-update] one writer\na.save()\nb.save()\n"
    assert lines(judged(code, (2, 2), (3, 3))) == [2]


def test_comments_may_stand_above_one_another() -> None:
    code = "# datakeel: ignore[lost-update] x\n# datakeel: ignore[dual-write] y\na.save()\n"
    assert lines(judged(code, (3, 3))) == [3]
    assert lines(judged(code, (3, 3), rule="dual-write")) == [3]


def test_any_line_of_a_statement_will_do() -> None:
    code = "post(\n    url,  # datakeel: ignore[lost-update] inside\n    body,\n)\n"
    assert lines(judged(code, (1, 4))) == [1]


def test_at_the_head_of_a_function_it_speaks_of_all_of_it() -> None:
    body = "    a.save()\n    b.save()\nc.save()\n"
    above = "# datakeel: ignore[lost-update] x\n@atomic\n@retry(3)\ndef f():\n"
    beside = "\n@atomic\n@retry(3)\ndef f():  # datakeel: ignore[lost-update] x\n"
    decorator = "\n@atomic  # datakeel: ignore[lost-update] x\n@retry(3)\ndef f():\n"
    for head in (above, beside, decorator):
        assert lines(judged(head + body, (5, 5), (6, 6), (7, 7))) == [5, 6]


def test_at_the_head_of_a_class_it_speaks_of_its_methods() -> None:
    code = "# datakeel: ignore[lost-update] x\nclass A:\n    def f(self):\n        self.save()\nsave()\n"
    assert lines(judged(code, (4, 4), (5, 5))) == [4]


def test_inside_a_function_it_does_not_answer_for_a_finding_about_all_of_it() -> None:
    code = "def f():\n    a.save()  # datakeel: ignore[lost-update] x\n"
    outcome = judged(code, (1, 2))
    assert lines(outcome) == []
    assert texts(outcome) == ["2: the comment ignores lost-update, which finds nothing here: delete it"]


def test_a_file_is_ignored_by_its_own_word() -> None:
    code = "a.save()\n# datakeel: ignore-file[lost-update] archived\n\n\nb.save()\n"
    assert lines(judged(code, (1, 1), (5, 5))) == [1, 5]


def test_the_narrowest_comment_gives_the_reason_and_none_of_them_is_unused() -> None:
    code = "# datakeel: ignore-file[lost-update] wide\n\na.save()  # datakeel: ignore[lost-update] narrow\n"
    outcome = judged(code, (3, 3))
    assert outcome.suppressed[0].suppressed == "narrow"
    assert outcome.remarks == ()


def test_other_rules_and_other_files_are_not_meant() -> None:
    code = "a.save()  # datakeel: ignore[write-skew] x\n"
    assert lines(judged(code, (1, 1))) == []
    other = replace(LOST_UPDATE, place=Place("b.py", 1))
    outcome = apply([other], {"a.py": [Comment(1, "ignore-file[lost-update] x", True)]}, {}, RULES)
    assert outcome.kept == (other,)


def test_what_suppresses_nothing_is_told_unless_its_rule_did_not_run() -> None:
    code = "a.save()  # datakeel: ignore[lost-update, dual-write] x\n"
    assert texts(judged(code, (1, 1))) == ["1: the comment ignores dual-write, which finds nothing here: delete it"]
    assert texts(judged(code, (1, 1), ran=("lost-update",))) == []


def test_a_missing_reason_and_an_unknown_rule_are_told() -> None:
    outcome = judged("a.save()  # datakeel: ignore[lost-update]\nb()  # datakeel: ignore[lost-updates] x\n", (1, 1))
    assert outcome.suppressed[0].suppressed == ""
    assert texts(outcome) == [
        "1: the comment ignores lost-update without a reason: write one behind the bracket",
        '2: the comment ignores an unknown rule "lost-updates"; did you mean "lost-update"?',
    ]


def test_a_comment_without_bracket_suppresses_nothing_and_is_told() -> None:
    outcome = judged(
        "a.save()  # datakeel: ignore\nb()  # datakeel: ignore[] x\nc()  # datakeel: ingore[x] y\n", (1, 1)
    )
    assert outcome.suppressed == ()
    assert texts(outcome) == [
        '1: "# datakeel: ignore" names no rule and is not followed; write "ignore[rule] reason"',
        '2: "# datakeel: ignore" names no rule and is not followed; write "ignore[rule] reason"',
        '3: "# datakeel: ingore" is not understood; did you mean "ignore[rule] reason"?',
    ]


class At(Struct, frozen=True):
    line: int
    end_line: int


class Called(Struct, frozen=True):
    at: At


class Bare(Struct, frozen=True):
    name: str


class Function(Struct, frozen=True):
    at: At
    decorators: tuple[Called | Bare, ...] = ()


def test_blocks_begin_at_their_first_decorator() -> None:
    at = At(10, 20)
    assert blocks_of([Function(at)]) == (Block(10, 10, 20),)
    assert blocks_of([Function(at, (Bare("a"), Bare("b")))]) == (Block(8, 10, 20),)
    assert blocks_of([Function(at, (Bare("a"), Called(At(6, 8))))]) == (Block(5, 10, 20),)
