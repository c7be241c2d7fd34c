"""How long a call of another system may take."""

from __future__ import annotations

from datakeel.model.effect import Effect, Option, StoreKind

NETWORK = (StoreKind.REMOTE, StoreKind.MAIL, StoreKind.OBJECT, StoreKind.SEARCH, StoreKind.QUEUE)


def unlimited(option: Option) -> bool:
    """``None`` is no limit, nor is a pair of which the second, for reading, is None."""
    return option.value in ("None", "0") or option.value.endswith(", None)")


def limited(call: Effect) -> bool:
    """Whether something round the call ends it (``async with timeout(5)``)."""
    return any(s.kind == "timeout" and s.text != "None" for s in call.scopes)


def near(call: Effect) -> bool:
    """Whether a socket stays on this machine, or only says where datagrams go: then nobody is waited for."""
    family, transport = call.option("address-family"), call.option("transport")
    return (family is not None and family.value.endswith("AF_UNIX")) or (
        transport is not None and transport.value.endswith("SOCK_DGRAM")
    )
