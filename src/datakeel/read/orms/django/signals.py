"""Signals: who hears of a model's changes, and of what the project signals itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from datakeel.read.languages.python.names import dotted_of
from datakeel.read.ledger import NAME
from datakeel.read.libraries import Entry
from datakeel.read.orms.django.models import Model, Models
from datakeel.read.program import (
    Call,
    Collection,
    Const,
    Evaluate,
    Expression,
    Span,
    Statement,
    body,
)
from datakeel.read.symbols import ClassInfo, Constant, External, FunctionInfo, Module
from datakeel.read.values import NOTHING, Arguments, FunctionTarget, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

MODEL_SIGNALS = frozenset(("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed"))
MIGRATING = ("pre_migrate", "post_migrate")  # what one person starts at a time
SIGNAL = "django.dispatch.Signal"


class Signals:
    def __init__(self, world: World, models: Models) -> None:
        self.world = world
        self.models = models
        self._receivers: dict[tuple[str, str], list[FunctionInfo]] | None = None
        self._senders: dict[str, list[str]] | None = None

    def receivers(self) -> dict[tuple[str, str], list[FunctionInfo]]:
        """(signal, the sender's class or empty) → the functions that are connected to it."""
        if self._receivers is None:
            self._receivers = {}
            with self.world.ledger.everywhere():
                self.read_receivers()
        return self._receivers

    def read_receivers(self) -> None:
        self.world.ledger.rests_on(NAME, "connect")
        for info in self.world.names.every_function():
            for decorator in info.signature.decorators:
                if isinstance(decorator, Call) and self.is_receiver(info.module, decorator.function):
                    self.connect_decorated(info, decorator)
            if "connect" in info.code.names and info.signature.name.endswith("ready"):
                self.connect_all(info.module, self.world.text(info))
        for module in self.world.names.every_module():
            own = module.file.bodies[len(module.file.functions) :]
            if own and "connect" in own[0].names:
                self.connect_all(module, body(own[0]))

    def is_receiver(self, module: Module, function: Expression) -> bool:
        dotted = dotted_of(function)
        symbol = self.world.names.resolve(module, dotted) if dotted is not None else None
        return (
            isinstance(symbol, External) and symbol.dotted.startswith("django.dispatch") and "receiver" in symbol.dotted
        )

    def connect_decorated(self, info: FunctionInfo, decorator: Call) -> None:
        if not decorator.arguments:
            return
        first = decorator.arguments[0]
        sender = next((v for k, v in decorator.keywords if k == "sender"), None)
        for signal in first.items if isinstance(first, Collection) else (first,):
            self.connect(info, info.module, signal, sender)

    def connect_all(self, module: Module, statements: Iterable[Statement]) -> None:
        """``signal.connect(handler, sender=…)`` as statements of a module or of an app's ``ready``."""
        for statement in statements:
            match statement:
                case Evaluate(Call(function, arguments, keywords)) if (dotted_of(function) or "").endswith(".connect"):
                    given = dict(keywords)
                    handler = arguments[0] if arguments else given.get("receiver")
                    sender = given.get("sender") or (arguments[1] if len(arguments) > 1 else None)
                    info = self.function(module, handler) if handler is not None else None
                    if info is not None:
                        self.connect(info, module, getattr(function, "base", function), sender)

    def function(self, module: Module, expression: Expression) -> FunctionInfo | None:
        value = self.world.scratch(module).eval(expression)
        return value.target.function if isinstance(value.target, FunctionTarget) else None

    def connect(self, info: FunctionInfo, module: Module, signal: Expression, sender: Expression | None) -> None:
        assert self._receivers is not None
        if (dotted_of(signal) or "").rpartition(".")[2] in MIGRATING:
            self.world.add_entry(info, Entry("command", concurrent=False), "migrate")
        name = self.sender_name(module, sender) if sender is not None else ""
        if sender is None or name:
            self._receivers.setdefault((self.signal_name(module, signal), name), []).append(info)

    def sender_name(self, module: Module, sender: Expression) -> str:
        if isinstance(sender, Const) and isinstance(sender.value, str):
            app, _, last = sender.value.rpartition(".")
            return self.models.by_label(app, last)
        dotted = dotted_of(sender)
        symbol = self.world.names.resolve(module, dotted) if dotted is not None else None
        if isinstance(symbol, ClassInfo):
            return symbol.name
        if isinstance(symbol, Constant):
            value = self.world.constant(symbol)
            return value.name if value.type == "builtins.type" else ""
        if isinstance(symbol, External):
            return self.models.user_model() if symbol.dotted.endswith("AUTH_USER_MODEL") else symbol.dotted
        return ""

    def signal_name(self, module: Module, signal: Expression) -> str:
        """A signal's dotted name; a model's own by its last part."""
        dotted = dotted_of(signal)
        if dotted is None:
            return "?"
        last = dotted.rpartition(".")[2]
        symbol = self.world.names.resolve(module, dotted)
        if isinstance(symbol, Constant):
            return symbol.dotted
        return last if last in MODEL_SIGNALS or not isinstance(symbol, External) else symbol.dotted

    def parameter(self, info: FunctionInfo, name: str) -> Value | None:
        """The row that a handler is told of, where one model alone is its sender."""
        if name != "instance":
            return None
        senders = self.senders().get(info.name, ())
        return Value(type=senders[0]) if len(senders) == 1 else None

    def senders(self) -> dict[str, list[str]]:
        """Handler → the models whose signals it hears."""
        if self._senders is None:
            self._senders = {}
            for (_, sender), functions in self.receivers().items():
                for info in functions if sender else ():
                    known = self._senders.setdefault(info.name, [])
                    if sender not in known:
                        known.append(sender)
        return self._senders

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(
        self, caller: Caller, name: str, instance: Value, model: Model | None, at: Span, *, created: bool = False
    ) -> None:
        """Handlers of a model's signals run here, inside the caller's transaction."""
        if model is None:
            return
        sent = {"instance": instance, "created": Value(const=True) if created else NOTHING}
        for info in self.heard(name, model):
            self.call(caller, info, sent, at)

    def heard(self, name: str, model: Model) -> Iterable[FunctionInfo]:
        receivers = self.receivers()
        yield from receivers.get((name, model.name), ())
        cls = self.world.class_named(model.name)
        for ancestor in cls.ancestors()[1:] if cls is not None and model.proxy else ():
            yield from receivers.get((name, ancestor.name), ())

    def send_own(self, caller: Caller, receiver: Value, arguments: Arguments, at: Span) -> Value | None:
        """``signal.send(…)`` of a signal that the project made."""
        name = receiver.rows.root.removeprefix("global:") if receiver.rows is not None else ""
        if receiver.type != SIGNAL or not name:
            return None
        for key, functions in self.receivers().items():
            for info in functions if key[0] == name else ():
                self.call(caller, info, arguments.keywords, at)
        return NOTHING

    def call(self, caller: Caller, info: FunctionInfo, sent: dict[str, Value], at: Span) -> None:
        """A handler is given what it names."""
        taken = {p.name for p in info.signature.parameters if p.kind in ("positional", "keyword")}
        options = any(p.kind == "options" for p in info.signature.parameters)
        given = {k: v for k, v in sent.items() if options or k in taken}
        sender = given.pop("sender", Value(type="builtins.type"))
        positional = (sender,) if not (info.owner is not None and "self" in taken) else ()
        caller.call_function(FunctionTarget(info), Arguments(positional, given), at)
