"""Signals: who hears of a model's changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.program import Call, Collection, Span
from datakeel.read.symbols import ClassInfo, FunctionInfo
from datakeel.read.values import (
    NOTHING,
    Arguments,
    FunctionTarget,
    Value,
)

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World


class Signals:
    def __init__(self, world: World, models: Models) -> None:
        self.world = world
        self.models = models
        self._receivers: dict[tuple[str, str], list[FunctionInfo]] | None = None

    def receivers(self) -> dict[tuple[str, str], list[FunctionInfo]]:
        """Functions that `receiver` connects: (signal, the sender's class or empty) → functions."""
        if self._receivers is None:
            self._receivers = {}
            for info in self.world.names.every_function():
                for decorator in info.signature.decorators:
                    if isinstance(decorator, Call) and (dotted_of(decorator.function) or "").endswith("receiver"):
                        self.connect(info, decorator)
        return self._receivers

    def connect(self, info: FunctionInfo, decorator: Call) -> None:
        assert self._receivers is not None
        if not decorator.arguments:
            return
        first = decorator.arguments[0]
        signals = first.items if isinstance(first, Collection) else (first,)
        sender = next((v for k, v in decorator.keywords if k == "sender"), None)
        dotted = dotted_of(sender) if sender is not None else None
        symbol = self.world.names.resolve(info.module, dotted) if dotted is not None else None
        name = symbol.name if isinstance(symbol, ClassInfo) else ""
        for signal in signals:
            text = (dotted_of(signal) or "").rpartition(".")[2]
            if sender is None or name:
                self._receivers.setdefault((text, name), []).append(info)

    def signal(
        self, caller: Caller, name: str, instance: Value, model: Model | None, at: Span, *, created: bool = False
    ) -> None:
        """Handlers of the model's signals run here, inside the caller's transaction."""
        if model is None:
            return
        for info in self.receivers().get((name, model.name), ()):
            arguments = Arguments(
                (Value(type="builtins.type"),),
                {"instance": instance, "created": Value(const=True) if created else NOTHING},
            )
            caller.call_function(FunctionTarget(info), arguments, at)
