"""What functions and classes of Django's modules do beyond what a table can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from datakeel.model.effect import Kind, Rows
from datakeel.read.languages.python.names import dotted_of
from datakeel.read.orms.django.managers import Managers
from datakeel.read.orms.django.models import Models
from datakeel.read.orms.django.query import Condition, Query, alias, words
from datakeel.read.orms.django.querysets import Querysets
from datakeel.read.orms.django.views import Views
from datakeel.read.program import Call, Const, Expression, Span
from datakeel.read.symbols import FunctionInfo
from datakeel.read.values import NOTHING, Arguments, ClassTarget, ExternalTarget, Value

if TYPE_CHECKING:
    from datakeel.read.calls import Caller
    from datakeel.read.world import World

CONDITIONS = frozenset(("django.db.models.Q", "django.db.models.query_utils.Q"))
EXPRESSIONS = ("django.db.models.expressions.", "django.db.models.functions.", "django.db.models.aggregates.")
EXPRESSION_NAMES = words(
    "F Case When Value Subquery OuterRef Count Sum Max Min Avg Exists ExpressionWrapper Func StdDev Variance Window"
)
REQUESTS = words("get post put patch delete head options")
AGGREGATES = frozenset(("Count", "Sum", "Max", "Min", "Avg", "StdDev", "Variance"))


class Library:
    def __init__(self, world: World, models: Models, managers: Managers, querysets: Querysets, views: Views) -> None:
        self.world = world
        self.models = models
        self.managers = managers
        self.querysets = querysets
        self.views = views

    def call(self, caller: Caller, dotted: str, function: Value, arguments: Arguments, at: Span) -> Value | None:
        model = self.models.model(dotted) if ".models." in dotted else None
        if model is not None:
            return self.views.serializers.instances.new(caller, model, arguments)
        if not dotted.startswith("django."):
            return self.foreign(dotted, arguments)
        if dotted in CONDITIONS:
            predicates, complete = self.querysets.conditions(arguments, None)
            return Value(state=Condition(predicates, complete), sources=arguments.sources())
        last = dotted.rpartition(".")[2]
        if dotted.startswith(EXPRESSIONS) or (last in EXPRESSION_NAMES and dotted == f"django.db.models.{last}"):
            return expression(last, arguments)
        action = ACTIONS.get(dotted) or ACTIONS.get(last)
        if action is not None:
            found = action(self, caller, arguments, at)
            if found is not None:
                return found
        return self.managers.instance(function)

    def foreign(self, dotted: str, arguments: Arguments) -> Value | None:
        """Calls of other libraries that name a model."""
        return self.model_class(arguments) if dotted.endswith(".get_model") and arguments.positional else None

    # Classes ----------------------------------------------------------------------------------------------------------

    def class_value(self, dotted: str) -> Value | None:
        """The class of a model, the project's or a library's, by its dotted name."""
        cls = self.world.class_named(dotted)
        if cls is not None:
            return Value(target=ClassTarget(cls), type="builtins.type", name=cls.name)
        return Value(target=ExternalTarget(dotted)) if dotted and self.models.model(dotted) is not None else None

    def user_model(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        return self.class_value(self.models.user_model())

    def get_model(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        return self.model_class(arguments)

    def model_class(self, arguments: Arguments) -> Value | None:
        """``get_model("app", "Name")``, ``get_model("app.Name")``."""
        given = (arguments.get("app_label", 0), arguments.get("model_name", 1))
        texts = [v.text for v in given if v is not None and v.text]
        app, _, name = ".".join(texts).rpartition(".")
        return self.class_value(self.models.by_label(app, name)) if name else None

    def manager_class(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        return self.managers.made(NOTHING, "from_queryset", arguments)

    def decorator(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        """``method_decorator(d)`` decorates a method as `d` does a function."""
        return arguments.positional[0] if arguments.positional else None

    def decorating(self, info: FunctionInfo) -> tuple[Expression, ...]:
        """``@method_decorator(d, name="post")`` on a view's class decorates that method; ``dispatch`` all that a
        request enters by."""
        method = info.signature.name.rpartition(".")[2]
        return tuple(d for d in info.owner.facts.decorators if meant_for(d, method)) if info.owner is not None else ()

    def register(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        return self.views.register(arguments)

    # Rows -------------------------------------------------------------------------------------------------------------

    def get_or_404(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        plan = self.plan(arguments)
        if plan is None or not isinstance(plan.state, Query):
            return None
        query = self.querysets.filtered(self.managers.started(plan, plan.state), arguments.after(1))
        return self.querysets.read(caller, plan, query, at, "get")

    def list_or_404(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        plan = self.plan(arguments)
        if plan is None or not isinstance(plan.state, Query):
            return None
        query = self.querysets.filtered(self.managers.started(plan, plan.state), arguments.after(1))
        return caller.force(plan.but(state=query, rows=Rows(f"new:{caller.next()}")), at, "iterate")

    def plan(self, arguments: Arguments) -> Value | None:
        """The plan that a model class, manager or queryset stands for."""
        first = arguments.positional[0] if arguments.positional else NOTHING
        name = ""
        match first.target:
            case ClassTarget(cls):
                name = cls.name
            case ExternalTarget(dotted):
                name = dotted
        model = self.models.model(name) if name else None
        return self.managers.of_model(model, "_default_manager") if model is not None else first

    def prefetch(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        """``Prefetch("lines", queryset=…)``: its name is the relation's path, with those that its rows bring along."""
        path, rows = arguments.get("lookup", 0), arguments.get("queryset", 1)
        first = path.text or "" if path is not None else ""
        query = rows.state if rows is not None and isinstance(rows.state, Query) else None
        inner = (*query.eager, *query.prefetched) if query is not None else ()
        return Value(type="django.db.models.Prefetch", name=",".join((first, *(f"{first}__{name}" for name in inner))))

    # Transactions by hand ---------------------------------------------------------------------------------------------

    def commit(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        caller.end(Kind.COMMIT, alias(arguments.get("using", 0)) or "default", at)
        return NOTHING

    def rollback(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        caller.end(Kind.ROLLBACK, alias(arguments.get("using", 0)) or "default", at)
        return NOTHING

    def autocommit(self, caller: Caller, arguments: Arguments, at: Span) -> Value | None:
        """Without autocommit a transaction is open until it is ended."""
        on = arguments.get("autocommit", 0)
        connection = alias(arguments.get("using", 1)) or "default"
        if on is not None and on.const is False:
            caller.begin("session", connection, at)
        elif caller.current(connection) is not None:
            caller.end(Kind.COMMIT, connection, at)
        return NOTHING


def expression(name: str, arguments: Arguments) -> Value:
    """An expression that the database computes: ``F``, ``Case``, a function."""
    sources = arguments.sources()
    return Value(
        atomic=True, sources=sources, type="django.db.models.F", name=name.lower() if name in AGGREGATES else ""
    )


def meant_for(decorator: Expression, method: str) -> bool:
    if not isinstance(decorator, Call) or not (dotted_of(decorator.function) or "").endswith("method_decorator"):
        return False
    name = next((v for k, v in decorator.keywords if k == "name"), None)
    text = name.value if isinstance(name, Const) else None
    return text == method or (text == "dispatch" and method in REQUESTS)


Action = Callable[[Library, "Caller", Arguments, Span], Value | None]
ACTIONS: dict[str, Action] = {
    "get_object_or_404": Library.get_or_404,
    "aget_object_or_404": Library.get_or_404,
    "get_list_or_404": Library.list_or_404,
    "aget_list_or_404": Library.list_or_404,
    "get_user_model": Library.user_model,
    "get_model": Library.get_model,
    "method_decorator": Library.decorator,
    "from_queryset": Library.manager_class,
    "django.contrib.admin.site.register": Library.register,
    "django.db.models.Prefetch": Library.prefetch,
    "django.db.transaction.commit": Library.commit,
    "django.db.transaction.rollback": Library.rollback,
    "django.db.transaction.set_autocommit": Library.autocommit,
}
