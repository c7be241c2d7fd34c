"""Lists that come page by page: whether anything asks for the pages behind the first one."""

from __future__ import annotations

import re

from datakeel.model.effect import Effect, Guard, Kind, Option, StoreKind
from datakeel.model.operation import Operation

MORE = re.compile(r"token|truncated|has_?more|marker|lastevaluated|cursor|next|links?$", re.I)
ALL = 100  # who asks for as many as a page may hold wants all that there are, not the first few
# lists of GitHub's and GitLab's interfaces, whose answers hold 30 or 20 entries unless more are asked for
HTTP_LISTS = re.compile(
    r"^https://(api\.github\.com|gitlab\.com/api)/\S*/(artifacts|branches|collaborators|comments|commits|contributors|"
    r"deployments|events|files|forks|followers|hooks|issues|jobs|labels|members|merge_requests|milestones|orgs|"
    r"pipelines|projects|pulls|releases|repos|repositories|reviews|runs|stargazers|subscribers|tags|teams|users|"
    r"workflows)/?(\?|$)"
)
PAGE = re.compile(r"[?&](page|after|cursor)=")


def first_page(read: Effect, operation: Operation) -> bool:
    """Whether a list's first page is gone through as if it were all of it, and nothing asks for the next one."""
    if read.option("gone-through") is None or in_turns(read) or not (starts(read) or starts_by_http(read)):
        return False
    return not continued(read, operation) and not asked_for_more(operation, read)


def starts(read: Effect) -> bool:
    """Whether a call that could be given the place to go on from is given none, and as many entries as there are."""
    token = read.option("page-token")
    return token is not None and not token.given and token.value == "None" and not few(read.option("page-size"))


def few(size: Option | None) -> bool:
    """Whether a number of entries is asked for by which the first of them are meant; one that is not known may be."""
    if size is None or not size.given:
        return False
    return not size.value.isdigit() or int(size.value) < ALL


def starts_by_http(read: Effect) -> bool:
    """Whether it is a GET of a list of a well-known interface, and says of no page which it wants."""
    method = read.option("method")
    if read.kind != Kind.CALL or read.verb != "http" or (method is not None and method.value != "'GET'"):
        return False
    known = {a.column for a in read.assigned}
    paged = known & {"*", "page", "after", "cursor"} or any(
        a.column == "per_page" and small(a.text) for a in read.assigned
    )
    return bool(HTTP_LISTS.match(read.text)) and not PAGE.search(read.text) and not paged and not read.payload


def small(text: str) -> bool:
    number = text.removeprefix("const:")
    return not number.isdigit() or int(number) < ALL


def in_turns(read: Effect) -> bool:
    """Whether it stands in a loop that goes on until something says that it is done, and not once for each of many."""
    places = {g.place for g in read.guards}
    return any(s.kind == "loop" and (s.unbounded or s.place in places) for s in read.scopes)


def continued(read: Effect, operation: Operation) -> bool:
    """Whether the same is asked again from where the first page ended."""
    return any(
        other.number != read.number
        and other.verb == read.verb
        and other.technology == read.technology
        and goes_on(other)
        for other in operation.of(read.kind)
    )


def goes_on(other: Effect) -> bool:
    token = other.option("page-token")
    return (token is not None and token.given) or bool(PAGE.search(other.text))


def asked_for_more(operation: Operation, read: Effect) -> bool:
    """Whether a decision asks if there are more."""
    guards = (*(g for e in operation.effects for g in e.guards), *(g for x in operation.exits for g in x.guards))
    return any(says_more(g, read) for g in guards)


def says_more(guard: Guard, read: Effect) -> bool:
    return any(s.number == read.number and any(MORE.search(p) for p in s.path) for s in guard.sources)


def narrowed(read: Effect) -> bool:
    """Whether what is listed may be few: what belongs to one owner, or begins with one text."""
    if read.store == StoreKind.OBJECT:
        return bool(read.key)
    if read.store == StoreKind.DOCUMENT:
        return read.selection is not None and any(p.operator == "=" for p in read.selection.predicates)
    return any(a.column.rpartition("_")[2] in ("id", "customer", "intent", "charge") for a in read.assigned)


def removed(read: Effect, operation: Operation) -> bool:
    """Whether what is listed is removed: then all of it is meant."""
    return any(
        write.verb == "delete" and any(read.gave(s) for s in write.key_sources) for write in operation.of(Kind.WRITE)
    )
