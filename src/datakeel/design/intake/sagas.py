"""Steps in several services that succeed together: from known domains, or from a list of what is booked."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from datakeel.design.intake.named import Named
from datakeel.design.intake.text import Text, singular
from datakeel.design.intake.vocabulary import lexicon
from datakeel.requirements import Access, Domain, Field, Invariant, Saga, Service, Step, Table


class Made(Struct, frozen=True):
    domain: Domain
    reasons: dict[str, str]


def with_saga(domain: Domain, steps: list[tuple[int, Step]], said: str, names: Named) -> tuple[Domain, dict[str, str]]:
    """Steps of all services in their usual order; the last has nothing to undo."""
    ordered = [step for _, step in sorted(steps, key=lambda s: s[0])]
    services = {s.name: s for s in domain.services}
    paying = next((n for n in names.external if n in PROVIDERS), None)
    if paying and "payment provider" in services:
        services = {k: v for k, v in services.items() if k != "payment provider"}
        services["payments"] = replace(services["payments"], through=paying)
    spare = [n for n in names.external if n not in PROVIDERS and plain(n) in services and "payment" not in n]
    ordered += [Step(name=f"notify {plain(n)}", service=plain(n), timeout=10, retries=5) for n in spare]
    if not ordered:
        return domain, {}
    name = "checkout" if any(a.name == "Order" for a in domain.aggregates) else " and ".join(_work_of(ordered))
    saga = Saga(name=name, steps=tuple(ordered), timeout=900)
    why = f"“{said}”: steps in several services succeed together, or are undone one by one"
    reasons = {
        f"domain.sagas.{name}": why,
        f"domain.sagas.{name}.timeout": "assumed: whoever waits for it has gone after 15 minutes",
    }
    return replace(domain, services=tuple(services.values()), sagas=(saga,)), reasons


PROVIDERS = frozenset(("Stripe", "PayPal", "Adyen", "Braintree", "Klarna", "Square"))


def _work_of(steps: Iterable[Step]) -> list[str]:
    """What a saga is about: its services, one word for each.

    >>> _work_of([Step(name="charge payment", service="payments"), Step(name="reserve stock", service="inventory")])
    ['payment', 'inventory']
    """
    return list(dict.fromkeys(singular(s.service) for s in steps))[:2]


_NOUN = r"[a-z]+(?: (?!and )[a-z]+)?"
_VERB = r"(?:book|reserve|rent|hire|buy)"
_LISTED = re.compile(
    rf"\b(?P<verb>{_VERB})(?:ing|s)? "
    rf"(?P<things>(?:an? |the )?{_NOUN}(?:(?:, (?:and )?| and )(?:{_VERB} )?(?:an? |the ){_NOUN})+)",
    re.I,
)


def listed(request: Text) -> Made | None:
    """``book a flight, a hotel and a rental car``: one service for each, and a step that can be undone."""
    found = _LISTED.search(request.written)
    if found is None:
        return None
    verb = found["verb"].lower()
    things = [t for t in re.split(rf",(?: and)? (?:{_VERB} )?| and (?:{_VERB} )?", found["things"].lower()) if t]
    names = [singular(_last_noun(t)) for t in things]
    if len(set(names)) < 2:
        return None
    names = list(dict.fromkeys(names))
    steps = [Step(name=f"{verb} {n}", service=n, compensation=f"cancel {n}", timeout=10, retries=5) for n in names]
    steps[-1] = replace(steps[-1], compensation=None)
    saga = Saga(name=f"{verb} {' and '.join(names[:2])}", steps=tuple(steps), timeout=900)
    services = tuple(Service(name=n, holds=(_booking(n),)) for n in names)
    said = " ".join(found.group().split())
    reasons = {
        f"domain.services.{n}": f"a draft, from “{said}”: a service with its own database; go over it" for n in names
    }
    reasons[f"domain.sagas.{saga.name}"] = f"“{said}”: the steps succeed together, or are undone one by one"
    return Made(Domain(services=services, sagas=(saga,)), reasons)


def _last_noun(words: str) -> str:
    """The noun of ``a rental car``, without what follows it."""
    nouns = [w for w in words.split() if w not in lexicon("small")]
    return nouns[-1] if nouns else words.rsplit(maxsplit=1)[-1]


def _booking(name: str) -> Table:
    return Table(
        name=f"{name} booking",
        fields=(
            Field(name="reference", unique=True),
            Field(name="customer"),
            Field(name="status", type="enum", values=("booked", "cancelled")),
        ),
        invariants=(Invariant(kind="transitions", fields=("status",), moves=(("booked", "cancelled"),)),),
        access=(Access(by=("customer",)),),
    )


def plain(name: str) -> str:
    """A name with nothing in it but letters, digits, spaces and hyphens."""
    return " ".join("".join(c if c.isalnum() or c in " -" else " " for c in name).split())
