"""Attributes: of modules, classes, instances, and of what a library gives."""

from __future__ import annotations

import functools

from datakeel.model.effect import Guard, Source
from datakeel.read.execute import Executor
from datakeel.read.program import Span
from datakeel.read.symbols import ClassInfo, FunctionInfo, Module
from datakeel.read.values import Arguments, ClassTarget, ExternalTarget, FunctionTarget, MethodTarget, Value, join


class Attributes(Executor):
    """Follows attributes."""

    def attribute_of(self, base: Value, name: str, at: Span) -> Value:
        if isinstance(base.state, Module):
            return self.world.module_member(base.state, name)
        if base.others and base.target is None and not base.type:
            return join(self.one_attribute(base.but(others=()), name, at), self.one_attribute(base.others[0], name, at))
        return self.one_attribute(base, name, at)

    def one_attribute(self, base: Value, name: str, at: Span) -> Value:
        if isinstance(base.state, Super):
            return self.super_attribute(base.state, name, at)
        handled = self.world.orms.attribute(self.caller, base, name, at)
        if handled is not None:
            return handled
        if base.rows is not None:
            stored = self.state.heap.get((base.rows, name))
            if stored is not None:
                return stored
        match base.target:
            case ClassTarget(cls):
                return self.class_member(cls, name, base)
            case ExternalTarget(dotted):
                return self.world.external_value(f"{dotted}.{name}")
        own = self.world.class_named(base.type) if base.type else None
        if own is not None:
            if base.options is not None and name in base.options:  # a function that it was made with
                return base.options[name]
            found = self.member_of(own, base, name, at)
            if found is not None:
                return found
        return self.loose_attribute(base, name)

    def super_attribute(self, behind: Super, name: str, at: Span) -> Value:
        """``super().name``: the next definition behind the class that the method stands in."""
        value = behind.value
        cls = self.world.class_named(value.type) if value.type else None
        if cls is None and isinstance(value.target, ClassTarget):
            cls = value.target.cls
        order = cls.ancestors() if cls is not None else ()
        later = order[order.index(behind.owner) + 1 :] if behind.owner in order else behind.owner.ancestors()[1:]
        for ancestor in later:
            if name in ancestor.methods:
                return Value(target=FunctionTarget(ancestor.methods[name], value), type="builtins.function")
        return Value(target=MethodTarget(value, name), origin=value.origin)

    def class_member(self, cls: ClassInfo, name: str, base: Value) -> Value:
        method = cls.method(name)
        if method is not None:
            kinds = self.world.method_kinds(method)
            receiver = base if "classmethod" in kinds else None
            return Value(target=FunctionTarget(method, receiver), type="builtins.function")
        inner = self.world.names.inner(cls, name)
        if inner is not None:
            return self.world.symbol_value(inner)
        field = self.world.class_field(cls, name)
        if field is not None and field.known and field.const is None:
            return self.world.class_attribute(cls, name) or field
        if field is not None:
            return field
        return Value(target=MethodTarget(base, name), origin=base.origin)

    def member_of(self, cls: ClassInfo, base: Value, name: str, at: Span) -> Value | None:
        """A method or attribute of an object whose class the project defines."""
        if name == "__class__":
            return class_value(cls)
        method = cls.method(name)
        if method is not None:
            heirs = self.world.heirs.implementations(cls, method)
            if not heirs:
                return self.method_of(cls, method, base, at)
            first, *others = [
                self.method_of(c, m, base.but(type=c.name), at, perhaps=perhaps) for c, m, perhaps in heirs
            ]
            if first.target is not None:
                return first.but(others=tuple(others)) if others else first
            return functools.reduce(join, others, first)
        found = self.world.instance_attribute(cls, name)
        if found is not None:
            peeked = self.peek(base.but(type=""), (name,))
            rows = found.rows if found.rows is not None and found.rows.root.startswith("global") else peeked.rows
            if not found.type and found.target is None and found.state is None and not found.known:
                guess = self.world.by_convention(name, base.rows)
                found = found.but(type=guess.type, origin=max(found.origin, guess.origin))
            return found.but(rows=rows or found.rows, sources=found.sources | peeked.sources)
        inner = self.world.behind(cls) if not name.startswith("__") else None
        return self.attribute_of(self.attribute_of(base, inner, at), name, at) if inner and inner != name else None

    def method_of(self, cls: ClassInfo, method: FunctionInfo, base: Value, at: Span, *, perhaps: bool = False) -> Value:
        """A method of an object of a class; of a property, what it gives."""
        kinds = self.world.method_kinds(method)
        if "property" in kinds:
            return self.invoke(Value(target=FunctionTarget(method, base, perhaps=perhaps)), Arguments(), at)
        receiver = None if "staticmethod" in kinds else class_value(cls) if "classmethod" in kinds else base
        known = self.world.function_value(method)
        return known.but(target=FunctionTarget(method, receiver, perhaps=perhaps), origin=base.origin)

    def loose_attribute(self, base: Value, name: str) -> Value:
        """An attribute that no definition was found for."""
        row = self.world.type_row(base.type) if base.type else None
        type_name = ""
        origin = base.origin
        label = ""
        if row is not None:
            type_name = row.attributes.get(name, "")
            wild = not type_name and "*" in row.attributes and not name.startswith("_")
            if wild and self.world.libraries.method(base.type, name) is None:
                type_name, label = row.attributes["*"], name
            kind = self.world.libraries.type(type_name) if type_name else None
            if kind is not None and (kind.consumes or not kind.renamed):  # a subscription's messages, a frame's rows
                label = base.name
        peeked = self.peek(base, (name,))
        if type_name == "in-transaction":
            return self.in_transaction(base)
        if type_name == "rowcount":
            result = self.state.heap.get((base.rows, "$result")) if base.rows is not None else None
            return result.owner if result is not None and result.owner is not None else peeked
        if not type_name and not peeked.type:
            held = self.world.held_by_application(base.rows, name)
            guess = held or self.world.by_convention(name, base.rows)
            peeked = peeked.but(options=held.options) if held is not None else peeked
            type_name, origin = guess.type, max(origin, guess.origin)
        called = bool(type_name) and self.world.method_row(type_name, "__call__") is not None
        return peeked.but(
            type=peeked.type or type_name,
            target=peeked.target or (None if called else MethodTarget(base, name)),
            owner=base if type_name else peeked.owner,
            name=label or peeked.name,
            origin=max(origin, peeked.origin),
            options=peeked.options or (base.options if type_name else None),
        )

    def in_transaction(self, connection: Value) -> Value:
        """Whether a transaction is open on a connection: surely where one was opened here; else the caller knows."""
        name = connection.name or "default"
        if self.current(name) is not None:
            return Value(const=True)
        source = Source("transaction", name=name)
        return Value(
            type="builtins.bool",
            sources=frozenset((source,)),
            tests=(Guard("in-transaction", True, (source,)),),
        )


class Super:
    """``super()``: methods are looked for behind `owner` in the class order of the object."""

    __slots__ = ("owner", "value")

    def __init__(self, owner: ClassInfo, value: Value) -> None:
        self.owner = owner
        self.value = value


def class_value(cls: ClassInfo) -> Value:
    return Value(target=ClassTarget(cls), type="builtins.type", name=cls.name)
