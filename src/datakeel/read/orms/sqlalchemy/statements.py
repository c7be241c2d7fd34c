"""Statements, queries and conditions: how calls, attributes and operators build them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from datakeel.model.effect import Assignment, Predicate
from datakeel.read.orms.sqlalchemy.mapped import Mapped, Mappings
from datakeel.read.orms.sqlalchemy.plan import (
    FLASK,
    SELECT,
    TEXT,
    Clause,
    ColumnOf,
    Computed,
    Declared,
    Eager,
    Plan,
    RelationOf,
    TableOf,
    assignment,
    compared,
    named,
    true,
)
from datakeel.read.values import (
    NOTHING,
    Arguments,
    ClassTarget,
    ExternalTarget,
    MethodTarget,
    Value,
    canonical,
    element,
    union,
)

STATEMENTS = {"select": "select", "insert": "insert", "update": "update", "delete": "delete", "exists": "exists"}
CHAINS = frozenset(
    ("where", "filter", "filter_by", "order_by", "limit", "offset", "slice", "join", "outerjoin", "join_from",
     "options", "with_for_update", "group_by", "having", "distinct", "values", "ordered_values", "returning",
     "on_conflict_do_nothing", "on_conflict_do_update", "on_duplicate_key_update", "execution_options",
     "with_only_columns", "with_entities", "select_from", "yield_per", "prefix_with", "suffix_with", "subquery",
     "cte", "alias", "scalar_subquery", "as_scalar", "label", "params", "enable_eagerloads",
     "populate_existing", "correlate", "correlate_except", "add_columns", "add_column", "union", "union_all",
     "intersect", "except_", "from_statement", "from_select", "lateral", "with_hint", "enable_assertions",
     "reset_joinpoint", "select_entity_from", "with_loader_criteria", "autoflush", "add_cte",
     "with_statement_hint", "return_defaults", "inline")
)  # fmt: skip
AGGREGATES = frozenset(("count", "sum", "max", "min", "avg", "array_agg", "string_agg", "bool_or", "bool_and"))
COLUMN_OPERATORS = {
    "in_": "in", "is_": "=", "is_not": "!=", "isnot": "!=", "like": "like", "ilike": "like", "contains": "contains",
    "startswith": "like", "endswith": "like", "between": "between", "notin_": "!=", "not_in": "!=", "any_": "contains",
    "has_key": "contains", "match": "search", "op": "search", "overlap": "contains", "contained_by": "contains",
    "regexp_match": "search", "notlike": "!=", "not_like": "!=", "not_ilike": "!=", "is_distinct_from": "!=",
    "bool_op": "search", "overlaps": "contains", "matches": "search", "descendant_of": "search",
}  # fmt: skip
SAME_COLUMN = frozenset(
    ("desc", "asc", "nulls_last", "nulls_first", "nullslast", "nullsfirst", "collate", "self_group")
)
LOADERS = frozenset(("joinedload", "selectinload", "subqueryload", "contains_eager", "immediateload", "eagerload"))
LOADS = frozenset(("load_only", "defer", "undefer", "noload", "raiseload", "lazyload", "with_loader_criteria", "Load"))
MIRRORED = frozenset(
    ("select", "insert", "update", "delete", "exists", "func", "and_", "or_", "not_", "text", "case", "cast",
     "literal", "desc", "asc", "union", "union_all", "distinct", "joinedload", "selectinload", "subqueryload",
     "contains_eager", "aliased", "Table", "Column", "UniqueConstraint", "ForeignKey")
)  # fmt: skip
ORM = frozenset(("joinedload", "selectinload", "subqueryload", "contains_eager", "aliased"))
EXPRESSIONS = frozenset(
    ("case", "cast", "type_coerce", "extract", "literal", "literal_column", "over", "within_group", "distinct",
     "column", "tuple_", "any_", "all_", "bindparam")
)  # fmt: skip
COMPARED = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Statements:
    """Builds plans, conditions and column expressions; nothing here has an effect."""

    def __init__(self, mappings: Mappings) -> None:
        self.mappings = mappings

    # Attributes -------------------------------------------------------------------------------------------------------

    def attribute(self, base: Value, name: str) -> Value | None:
        """An attribute of something that is built: a statement, a table, a column, a condition."""
        state = base.state
        match state:
            case Plan() if name in ("c", "columns", "selected_columns", "exported_columns"):
                return Value(state=TableOf(state.table, state.model))
            case Plan() if name in ("excluded", "inserted"):
                return Value(state=TableOf("excluded"))
            case TableOf() if name in ("c", "columns"):
                return base
            case TableOf() if state.table == "excluded" or name not in TABLE_METHODS:
                return Value(state=ColumnOf(state.table, name, state.model))
            case RelationOf():
                other = self.mappings.mapped(state.other)
                if other is not None and name in other.columns:
                    return Value(state=ColumnOf(other.table, other.columns[name], other.name))
        if isinstance(state, Plan | TableOf | ColumnOf | Computed | Clause | RelationOf | Eager):
            return Value(target=MethodTarget(base, name))
        if base.type == FLASK and name in MIRRORED:
            return Value(target=ExternalTarget(f"sqlalchemy.orm.{name}" if name in ORM else f"sqlalchemy.{name}"))
        return None

    def class_attribute(self, mapped: Mapped, name: str) -> Value | None:
        """``Order.total``, ``Order.items``, ``Order.__table__``."""
        if name in mapped.columns:
            return Value(state=ColumnOf(mapped.table, mapped.columns[name], mapped.name))
        relation = self.mappings.relation_named(mapped, name)
        if relation is not None:
            return Value(state=RelationOf(mapped.name, name, relation.other))
        if name in ("__table__", "c"):
            entity = mapped.entity()
            return Value(state=replace(entity, columns=tuple(mapped.columns.values())), type="sqlalchemy.Table")
        return None

    # Calls ------------------------------------------------------------------------------------------------------------

    def external(self, dotted: str, arguments: Arguments) -> Value | None:
        """A function of the library that builds something."""
        name = dotted.rpartition(".")[2]
        if ".func." in dotted or ".functions." in dotted:
            return self.function(name, arguments)
        if name in STATEMENTS:
            return self.statement(STATEMENTS[name], arguments)
        if name in ("and_", "or_", "not_"):
            return both(arguments.positional) if name == "and_" else unclear(arguments.positional)
        if name in LOADERS:
            return self.loader(arguments, "")
        if name in LOADS:
            return Value(state=Eager(()))
        match name:
            case "text":
                given = arguments.get("text", 0)
                return given.but(type=TEXT, entries={}) if given is not None else NOTHING
            case "Table":
                return self.core_table(arguments)
            case "Column" | "mapped_column":
                return self.declared_column(arguments)
            case "UniqueConstraint" | "PrimaryKeyConstraint":
                names = ",".join(v.text or "?" for v in arguments.positional)
                return Value(state=Declared(names, name.startswith("Primary"), unique=True))
            case "aliased" | "with_polymorphic":
                return arguments.positional[0] if arguments.positional else NOTHING
            case "union" | "union_all" | "intersect" | "except_":
                return self.union(arguments.positional)
        if name in CONSTANT:
            return CONSTANT[name]
        if name in SAME_COLUMN or name == "between":
            return arguments.positional[0] if arguments.positional else NOTHING
        return self.function(name, arguments) if name in EXPRESSIONS else None

    def method(self, receiver: Value, name: str, arguments: Arguments) -> Value | None:
        """A method of something that is built; None where it runs something."""
        match receiver.state:
            case Plan() as plan if name in CHAINS:
                return receiver.but(state=self.chained(plan, name, arguments))
            case Plan() as plan if name in STATEMENTS and plan.connection is None:  # of a write-only relation
                entities = () if name != "select" else self.over(Plan(), (Value(state=self.rows_of(plan)),)).entities
                return Value(state=replace(plan, verb=name, entities=entities), type=f"sqlalchemy.{name.capitalize()}")
            case Plan() as plan if name == "exists":
                return receiver.but(state=replace(plan, aggregate="exists"))
            case Plan() as plan if name == "in_":
                return Value(state=Clause((), False), sources=arguments.sources())
            case TableOf() as table:
                return self.table_method(table, name, arguments)
            case ColumnOf() as column:
                return self.column_method(column, name, arguments)
            case Computed() as computed:
                return self.computed_method(receiver, computed, name, arguments)
            case RelationOf() as relation:
                return self.relation_method(relation, name, arguments)
            case Clause():
                return receiver
            case Eager() as eager:
                first = eager.paths[-1] if eager.paths else ""
                return self.loader(arguments, first, eager) if name in LOADERS else receiver
        if receiver.type == TEXT and name in ("bindparams", "columns", "execution_options"):
            return receiver.but(entries={**(receiver.entries or {}), **arguments.keywords})
        return None

    def rows_of(self, plan: Plan) -> TableOf:
        return TableOf(plan.table, plan.model, plan.keys)

    def statement(self, verb: str, arguments: Arguments) -> Value:
        """``select(Order)``, ``select(Order.id, func.count())``, ``insert(orders)``, ``exists().where(…)``."""
        plan = Plan("select", aggregate="exists") if verb == "exists" else Plan(verb)
        inner = arguments.positional[0].state if arguments.positional else None
        if verb == "exists" and isinstance(inner, Plan):
            return Value(state=replace(inner, aggregate="exists"), type=SELECT)
        return Value(state=self.over(plan, arguments.positional), type=f"sqlalchemy.{plan.verb.capitalize()}")

    def over(self, plan: Plan, values: Iterable[Value]) -> Plan:
        """A plan whose rows hold these entities."""
        for value in values:
            if isinstance(value.state, Plan) and value.state.aggregate == "exists":
                plan = replace(value.state, connection=plan.connection)
                continue
            entity = self.entity(value)
            if entity is None:
                continue
            plan = replace(plan, entities=(*plan.entities, entity))
            plan = self.with_table(plan, entity)
            if isinstance(entity, Computed):
                plan = self.computing(plan, entity)
            if isinstance(value.state, Plan):
                plan = replace(plan, predicates=value.state.predicates, complete=value.state.complete)
        return plan

    def entity(self, value: Value) -> ColumnOf | TableOf | Computed | None:
        state = value.state
        if isinstance(value.target, ClassTarget):
            mapped = self.mappings.mapped(value.target.cls.name)
            return mapped.entity() if mapped is not None else None
        if isinstance(state, Plan):
            return TableOf(state.table, "", state.keys)
        if isinstance(state, RelationOf):
            mapped = self.mappings.mapped(state.other)
            return mapped.entity() if mapped is not None else None
        if isinstance(state, Clause):
            return Computed("condition")
        return state if isinstance(state, ColumnOf | TableOf | Computed) else None

    def with_table(self, plan: Plan, entity: ColumnOf | TableOf | Computed) -> Plan:
        parts = entity.columns if isinstance(entity, Computed) else (entity,)
        for part in parts:
            if isinstance(part, str) or not part.table:
                continue
            if not plan.table:
                plan = replace(plan, table=part.table, model=part.model, keys=self.keys_of(part))
            elif part.table != plan.table and part.table not in plan.joins:
                plan = replace(plan, joins=(*plan.joins, part.table))
        return plan

    def keys_of(self, part: ColumnOf | TableOf) -> tuple[tuple[str, ...], ...]:
        if isinstance(part, TableOf):
            return part.keys
        mapped = self.mappings.mapped(part.model)
        return mapped.keys if mapped is not None else ()

    def computing(self, plan: Plan, entity: Computed) -> Plan:
        if "advisory" in entity.how or entity.how in ("get_lock", "release_lock"):
            return replace(plan, advisory=entity.how, key=entity.key)
        return replace(plan, aggregate=entity.how) if entity.how in AGGREGATES and not plan.aggregate else plan

    def function(self, name: str, arguments: Arguments) -> Value:
        """``func.sum(Order.total)``: computed by the store."""
        columns = [c for v in arguments.positional for c in columns_in(v)]
        key = None
        if "lock" in name and arguments.positional:
            first = arguments.positional[0]
            key = Predicate("", "=", canonical(first), tuple(sorted(first.sources)))
        return Value(
            state=Computed(name, tuple(columns), key=key),
            atomic=bool(columns),
            sources=arguments.sources(),
        )

    def core_table(self, arguments: Arguments) -> Value:
        """``Table("orders", metadata, Column("id", …), …)``."""
        name = arguments.positional[0].text if arguments.positional else None
        declared = [v.state for v in arguments.positional if isinstance(v.state, Declared)]
        columns = tuple(d.name for d in declared if d.name and "," not in d.name)
        primary = tuple(n for d in declared if d.primary for n in d.name.split(","))
        unique = [tuple(d.name.split(",")) for d in declared if d.unique and not d.primary]
        keys = tuple(k for k in (primary, *unique) if k)
        return Value(state=TableOf(name or "", "", keys, columns), type="sqlalchemy.Table", name=name or "")

    def declared_column(self, arguments: Arguments) -> Value:
        name = arguments.positional[0].text if arguments.positional else None
        keywords = arguments.keywords
        return Value(state=Declared(name or "", true(keywords.get("primary_key")), true(keywords.get("unique"))))

    def loader(self, arguments: Arguments, before: str, known: Eager | None = None) -> Value:
        """``joinedload(Order.items).selectinload(Item.product)``."""
        paths = list(known.paths) if known is not None else []
        path = before
        for value in arguments.positional:
            name = value.state.name if isinstance(value.state, RelationOf) else value.text or "*"
            path = f"{path}.{name}" if path else name
            paths.append(path)
        return Value(state=Eager(tuple(paths)))

    def union(self, values: tuple[Value, ...]) -> Value:
        plans = [v.state for v in values if isinstance(v.state, Plan)]
        if not plans:
            return Value(state=Plan(complete=False), type=SELECT)
        joins = tuple(dict.fromkeys(t for p in plans for t in (p.table, *p.joins) if t and t != plans[0].table))
        return Value(state=replace(plans[0], predicates=(), complete=False, joins=joins), type=SELECT)

    # Methods ----------------------------------------------------------------------------------------------------------

    def table_method(self, table: TableOf, name: str, arguments: Arguments) -> Value | None:
        if name in STATEMENTS:
            given = Arguments((Value(state=table),))
            made = self.statement(STATEMENTS[name], given)
            assert isinstance(made.state, Plan)
            if name in ("insert", "update") and (arguments.positional or arguments.keywords):
                method = "values" if name == "insert" or not is_condition(arguments) else "where"
                return made.but(state=self.chained(made.state, method, arguments))
            return made.but(state=made.state.narrowed(arguments.positional))
        if name in ("alias", "join", "outerjoin", "tablesample"):
            return Value(state=table, type="sqlalchemy.Table")
        return None

    def column_method(self, column: ColumnOf, name: str, arguments: Arguments) -> Value | None:
        if name in SAME_COLUMN:
            return Value(state=column)
        if name == "label":
            label = arguments.positional[0].text if arguments.positional else ""
            return Value(state=Computed("label", (column,), label or ""))
        operator = COLUMN_OPERATORS.get(name)
        if operator is None:
            return Value(state=Computed(name, (column,)), atomic=True, sources=arguments.sources())
        value = arguments.positional[0] if arguments.positional else NOTHING
        return Value(state=Clause(((column.table, compared(column.column, operator, value)),)), sources=value.sources)

    def computed_method(self, receiver: Value, computed: Computed, name: str, arguments: Arguments) -> Value:
        if name == "label":
            label = arguments.positional[0].text if arguments.positional else ""
            return receiver.but(state=replace(computed, label=label or ""))
        if name in COLUMN_OPERATORS:
            value = arguments.positional[0] if arguments.positional else NOTHING
            return self.comparison(computed, COLUMN_OPERATORS[name], value)
        return receiver

    def relation_method(self, relation: RelationOf, name: str, arguments: Arguments) -> Value | None:
        """``Order.items.any(Item.sku == sku)``, ``Order.customer.has(…)``: conditions on other rows."""
        if name in ("any", "has", "contains", "is_", "is_not", "isnot", "in_"):
            return unclear(arguments.positional)
        return Value(state=relation)

    # Operators --------------------------------------------------------------------------------------------------------

    def operate(self, how: str, values: tuple[Value, ...]) -> Value | None:
        left, right = values[0], values[-1]
        built = ColumnOf | Computed | RelationOf
        if isinstance(right.state, built) and not isinstance(left.state, built):
            left, right = right, left
            how = MIRROR.get(how, how)
        if isinstance(left.state, RelationOf):
            return self.related(left.state, how, right)
        if isinstance(left.state, ColumnOf | Computed):
            if how in COMPARED:
                return self.comparison(left.state, COMPARED[how], right)
            if how in ("+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>"):
                columns = tuple(c for v in values for c in columns_in(v))
                return Value(state=Computed(how, columns), atomic=bool(columns), sources=union(values))
            return None
        if how in ("&", "|", "~", "not") and any(isinstance(v.state, Clause) for v in values):
            return both(values) if how == "&" else unclear(values)
        if any(v.atomic for v in values) and how in ("+", "-", "*", "/"):
            return Value(atomic=True, sources=union(values))
        return None

    def comparison(self, column: ColumnOf | Computed, operator: str, other: Value) -> Value:
        predicate = compared(column_text(column), operator, other)
        table = column.table if isinstance(column, ColumnOf) else column.columns[0].table if column.columns else ""
        return Value(state=Clause(((table, predicate),)), sources=union((other,)))

    def related(self, relation: RelationOf, how: str, other: Value) -> Value:
        """``Item.order == order``: the foreign key has the other row's key."""
        mapped, target = self.mappings.mapped(relation.model), self.mappings.mapped(relation.other)
        column = self.foreign_key(mapped, target, relation.name) if mapped is not None and target is not None else ""
        if how not in ("==", "!=") or column in ("", "?") or mapped is None or target is None:
            return unclear((other,))
        value = canonical(other)
        key = f"{value}.{target.primary[0]}" if value and other.rows is not None else value
        predicate = Predicate(column, COMPARED[how], key, tuple(sorted(other.sources)))
        return Value(state=Clause(((mapped.table, predicate),)), sources=other.sources)

    def foreign_key(self, mapped: Mapped, other: Mapped, name: str = "") -> str:
        """The column of a class's table that refers to another's, for the relation of that name; empty when there is
        none, and ``?`` when it may be one of several."""
        relation = mapped.relations.get(name)
        if relation is not None and relation.foreign:
            named = [c for c in relation.foreign if c in mapped.columns]
            return mapped.columns[named[0]] if named else ""
        found = [c for c, table in mapped.references.items() if table == other.table]
        if len(found) > 1:
            return next((c for c in found if c == f"{name}_id"), "?")
        return found[0] if found else ""

    # Chains -----------------------------------------------------------------------------------------------------------

    def chained(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        """The plan after one more call: ``.where(…)``, ``.with_for_update()``."""
        first = arguments.positional[0] if arguments.positional else NOTHING
        match name:
            case "where" | "filter":
                return plan.narrowed(arguments.positional)
            case "filter_by":
                return self.filtered_by(plan, arguments)
            case "order_by":
                return replace(plan, order=tuple(order_text(v) for v in arguments.positional if v.const is not False))
            case "limit":
                return replace(plan, limit=first.const if isinstance(first.const, int) else 0)
            case "offset":
                return replace(plan, offset=True)
            case "slice":
                return replace(plan, offset=True, limit=0)
            case "join" | "outerjoin" | "select_from" | "join_from":
                return self.joined(plan, name, arguments)
            case "options":
                loads = [p for v in arguments.positional if isinstance(v.state, Eager) for p in v.state.paths]
                return replace(plan, eager=tuple(dict.fromkeys((*plan.eager, *loads))))
            case "with_for_update":
                return self.locked(plan, arguments)
            case "values" | "ordered_values":
                return self.with_values(plan, arguments)
            case "on_conflict_do_nothing":
                return replace(plan, conflict="ignore")
            case "on_conflict_do_update" | "on_duplicate_key_update":
                return self.on_conflict(plan, arguments)
            case "returning" | "with_only_columns" | "with_entities" | "add_columns" | "add_column":
                return self.holding(plan, name, arguments)
            case "group_by" | "distinct" | "having":
                return replace(plan, grouped=True)
            case "yield_per":
                return replace(plan, streamed=True)
            case "execution_options":
                streamed = "yield_per" in arguments.keywords or true(arguments.keywords.get("stream_results"))
                return replace(plan, streamed=plan.streamed or streamed)
            case "from_select":
                return self.from_select(plan, arguments)
            case "union" | "union_all" | "intersect" | "except_" | "from_statement":
                return replace(plan, complete=False)
        return plan

    def filtered_by(self, plan: Plan, arguments: Arguments) -> Plan:
        mapped = self.mappings.mapped(plan.model)
        found = []
        for name, value in arguments.keywords.items():
            column = mapped.columns.get(name, name) if mapped is not None else name
            if mapped is not None and name not in mapped.columns and name in mapped.relations:
                clause = self.related(RelationOf(mapped.name, name, mapped.relations[name].other), "==", value).state
                assert isinstance(clause, Clause)
                found += [named(p, table, plan.table) for table, p in clause.terms]
                continue
            found.append(compared(column, "=", value))
        return replace(
            plan, predicates=(*plan.predicates, *found), complete=plan.complete and arguments.options is None
        )  # fmt: skip

    def joined(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        for value in arguments.positional:
            if isinstance(value.state, Clause):
                continue
            if name == "select_from" and isinstance(value.state, Plan):
                inner = value.state
                joins = tuple(dict.fromkeys((*inner.joins, *plan.joins)))
                plan = replace(
                    plan, table=plan.table or inner.table, predicates=(*inner.predicates, *plan.predicates),
                    complete=plan.complete and inner.complete, joins=joins,
                )  # fmt: skip
                continue
            entity = self.entity(value)
            if entity is not None:
                plan = self.with_table(plan, entity)
        return plan

    def locked(self, plan: Plan, arguments: Arguments) -> Plan:
        keywords = arguments.keywords
        held = "share" if true(keywords.get("read")) else "update"
        of = keywords.get("of")
        if of is not None and plan.table:
            chosen = [self.entity(v) for v in (of.items if of.items is not None else (of,))]
            tables = {e.table for e in chosen if isinstance(e, ColumnOf | TableOf)}
            held = held if not tables or plan.table in tables else ""
        return replace(
            plan, lock=held, skip_locked=true(keywords.get("skip_locked")), nowait=true(keywords.get("nowait"))
        )  # fmt: skip

    def with_values(self, plan: Plan, arguments: Arguments) -> Plan:
        first = arguments.positional[0] if arguments.positional else NOTHING
        pairs = first.items if first.items is not None and len(arguments.positional) == 1 else None
        if pairs and all(
            p.items is not None and len(p.items) == 2 for p in pairs
        ):  # ordered_values((column, value), …)
            first = Value(entries={self.column_name(p.items[0]): p.items[1] for p in pairs if p.items})
        inner = first if first.entries is not None else element(first)
        many = first.entries is None and bool(arguments.positional)
        unknown = bool(arguments.positional) and inner.entries is None
        assigned = self.set_columns(plan, {**(inner.entries or {}), **arguments.keywords})
        if unknown or arguments.options is not None or not inner.complete:
            assigned = (*assigned, Assignment("*", "unknown", tuple(sorted(first.sources))))
        return replace(plan, assigned=(*plan.assigned, *assigned), many=many)

    def column_name(self, value: Value) -> str:
        return value.state.column if isinstance(value.state, ColumnOf) else value.text or "*"

    def set_columns(self, plan: Plan, entries: dict[str, Value]) -> tuple[Assignment, ...]:
        mapped = self.mappings.mapped(plan.model)
        return tuple(assignment(mapped.columns.get(k, k) if mapped is not None else k, v) for k, v in entries.items())

    def on_conflict(self, plan: Plan, arguments: Arguments) -> Plan:
        """``set_={"stock": insert.excluded.stock}``: what is set on a conflict replaces what would be inserted."""
        given = arguments.keywords.get("set_")
        entries = dict(given.entries or {}) if given is not None else dict(arguments.keywords)
        proposed = {a.column: a for a in plan.assigned}
        kept = dict(proposed)
        for name, value in entries.items():
            if isinstance(value.state, ColumnOf) and value.state.table == "excluded":
                kept[name] = replace(proposed.get(value.state.column, Assignment(name)), column=name)
            else:
                kept[name] = self.set_columns(plan, {name: value})[0]
        return replace(plan, conflict="update", assigned=tuple(kept.values()))

    def holding(self, plan: Plan, name: str, arguments: Arguments) -> Plan:
        """Which entities its rows hold from now on."""
        before = plan.entities if name.startswith("add_") else ()
        aggregate = plan.aggregate if plan.aggregate == "exists" else ""
        changed = self.over(replace(plan, entities=before, aggregate=aggregate), arguments.positional)
        return replace(
            changed, predicates=plan.predicates, complete=plan.complete, returning=plan.returning or name == "returning"
        )  # fmt: skip

    def from_select(self, plan: Plan, arguments: Arguments) -> Plan:
        inner = arguments.positional[1].state if len(arguments.positional) > 1 else None
        names = arguments.positional[0].items or () if arguments.positional else ()
        tables = (inner.table, *inner.joins) if isinstance(inner, Plan) else ()
        return replace(
            plan, many=True, joins=tuple(t for t in tables if t and t != plan.table),
            assigned=tuple(Assignment(self.column_name(n), "atomic") for n in names),
        )  # fmt: skip


TABLE_METHODS = frozenset(
    (*STATEMENTS, "alias", "join", "outerjoin", "tablesample", "create", "drop", "name", "schema")
)
CONSTANT = {"null": Value(const=None), "true": Value(const=True), "false": Value(const=False)}
MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def columns_in(value: Value) -> tuple[ColumnOf, ...]:
    """The columns that an expression reads."""
    state = value.state
    if isinstance(state, ColumnOf):
        return (state,)
    if isinstance(value.target, ClassTarget) or state is None:
        return tuple(c for i in value.items or () for c in columns_in(i))
    return state.columns if isinstance(state, Computed) else ()


def column_text(column: ColumnOf | Computed) -> str:
    """A column, or an expression over one as SQL writes it: ``lower(email)``."""
    if isinstance(column, ColumnOf):
        return column.column
    inner = ", ".join(c.column for c in column.columns)
    return inner if column.how in ("label", "cast", "distinct") else f"{column.how}({inner})"


def order_text(value: Value) -> str:
    state = value.state
    if isinstance(state, ColumnOf | Computed):
        return column_text(state)
    return value.text or ""


def both(values: Iterable[Value]) -> Value:
    """All of several conditions."""
    values = tuple(values)
    clauses = [v.state for v in values if isinstance(v.state, Clause)]
    complete = len(clauses) == len(values) and all(c.complete for c in clauses)
    return Value(state=Clause(tuple(t for c in clauses for t in c.terms), complete), sources=union(values))


def unclear(values: Iterable[Value]) -> Value:
    """A condition that is no conjunction of predicates."""
    return Value(state=Clause((), False), sources=union(values))


def is_condition(arguments: Arguments) -> bool:
    return bool(arguments.positional) and isinstance(arguments.positional[0].state, Clause)
