"""Effects in people's words: the row in orders, the message to orders.paid, the call of api.bank.example."""

from __future__ import annotations

from datakeel.model.effect import Effect, Kind, StoreKind

HOLE = "\ufffc"


def thing(effect: Effect) -> str:
    """What an effect is, in the user's own names.

    >>> from datakeel.model.place import NOWHERE
    >>> thing(Effect(number=1, kind=Kind.PUBLISH, verb="send", place=NOWHERE, dataset="orders.paid"))
    'the message to orders.paid'
    """
    name = effect.dataset.replace(HOLE, "…")
    match effect.kind:
        case Kind.PUBLISH:
            what = "job" if effect.verb == "task" else "message"
            return f"the {what} to {name}" if what == "message" and name else f"the {what} {name}".rstrip()
        case Kind.WRITE:
            return f"the write to {name}" if name else f"the {effect.verb} on {effect.technology or effect.store.value}"
        case Kind.READ:
            return f"the read of {name}" if name else f"the read from {effect.technology or effect.store.value}"
    if effect.store == StoreKind.REMOTE and effect.text.isidentifier():
        return f"the {effect.technology} {effect.text}"
    if effect.store == StoreKind.REMOTE:
        return f"the call of {host(effect)}" if host(effect) else f"the {effect.technology or 'remote'} call"
    return f"the {effect.technology} {effect.verb}".replace("  ", " ")


def host(effect: Effect) -> str:
    """The host of a call's URL as far as it is known, else the beginning of the path.

    >>> from datakeel.model.place import NOWHERE
    >>> host(Effect(number=1, kind=Kind.CALL, verb="http", place=NOWHERE, text="https://bank.example/charge?id=1"))
    'bank.example'
    """
    text = effect.text.replace(HOLE, "…").partition("?")[0]
    _, scheme, rest = text.partition("://")
    if scheme:
        text = rest.partition("/")[0]
    known = bool(scheme) or "/" in text  # a word alone is the name of a method, not of a place
    return text if known and text.strip("…/") else ""
