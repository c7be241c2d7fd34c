"""What models of libraries bring: fields of abstract ones, tables of Django's own apps."""

from __future__ import annotations

Declared = tuple[str, str, dict[str, object]]  # a field: name, kind, keywords

USER: tuple[Declared, ...] = (
    ("password", "CharField", {"max_length": 128}),
    ("last_login", "DateTimeField", {"null": True}),
    ("is_superuser", "BooleanField", {}),
    ("username", "CharField", {"max_length": 150, "unique": True}),
    ("first_name", "CharField", {"max_length": 150}),
    ("last_name", "CharField", {"max_length": 150}),
    ("email", "EmailField", {}),
    ("is_staff", "BooleanField", {}),
    ("is_active", "BooleanField", {}),
    ("date_joined", "DateTimeField", {}),
    ("groups", "ManyToManyField", {"to": "auth.Group"}),
    ("user_permissions", "ManyToManyField", {"to": "auth.Permission"}),
)
BASES: dict[str, tuple[Declared, ...]] = {
    "django.contrib.auth.base_user.AbstractBaseUser": (
        ("password", "CharField", {"max_length": 128}),
        ("last_login", "DateTimeField", {"null": True}),
    ),
    "django.contrib.auth.models.PermissionsMixin": (
        ("is_superuser", "BooleanField", {}),
        ("groups", "ManyToManyField", {"to": "auth.Group"}),
        ("user_permissions", "ManyToManyField", {"to": "auth.Permission"}),
    ),
    "django.contrib.auth.models.AbstractUser": USER,
    "model_utils.models.TimeStampedModel": (("created", "DateTimeField", {}), ("modified", "DateTimeField", {})),
    "model_utils.models.TimeFramedModel": (
        ("start", "DateTimeField", {"null": True}),
        ("end", "DateTimeField", {"null": True}),
    ),
    "model_utils.models.StatusModel": (
        ("status", "CharField", {"max_length": 100}),
        ("status_changed", "DateTimeField", {}),
    ),
    "model_utils.models.SoftDeletableModel": (("is_removed", "BooleanField", {}),),
    "model_utils.models.UUIDModel": (("id", "UUIDField", {"primary_key": True}),),
    "django_extensions.db.models.TimeStampedModel": (
        ("created", "DateTimeField", {}),
        ("modified", "DateTimeField", {}),
    ),
    "django_extensions.db.models.ActivatorModel": (
        ("status", "IntegerField", {}),
        ("activate_date", "DateTimeField", {"null": True}),
        ("deactivate_date", "DateTimeField", {"null": True}),
    ),
    "django_extensions.db.models.TitleDescriptionModel": (
        ("title", "CharField", {"max_length": 255}),
        ("description", "TextField", {"null": True}),
    ),
    "mptt.models.MPTTModel": (
        ("lft", "PositiveIntegerField", {}),
        ("rght", "PositiveIntegerField", {}),
        ("tree_id", "PositiveIntegerField", {"db_index": True}),
        ("level", "PositiveIntegerField", {}),
    ),
    "treebeard.mp_tree.MP_Node": (
        ("path", "CharField", {"max_length": 255, "unique": True}),
        ("depth", "PositiveIntegerField", {}),
        ("numchild", "PositiveIntegerField", {}),
    ),
    "treebeard.ns_tree.NS_Node": (
        ("lft", "PositiveIntegerField", {"db_index": True}),
        ("rgt", "PositiveIntegerField", {"db_index": True}),
        ("tree_id", "PositiveIntegerField", {"db_index": True}),
        ("depth", "PositiveIntegerField", {"db_index": True}),
    ),
    "polymorphic.models.PolymorphicModel": (
        ("polymorphic_ctype", "ForeignKey", {"to": "contenttypes.ContentType", "null": True}),
    ),
    "ordered_model.models.OrderedModel": (("order", "PositiveIntegerField", {"db_index": True}),),
    "solo.models.SingletonModel": (),
    "modelcluster.models.ClusterableModel": (),
    "dirtyfields.DirtyFieldsMixin": (),
    "safedelete.models.SafeDeleteModel": (
        ("deleted", "DateTimeField", {"null": True, "db_index": True}),
        ("deleted_by_cascade", "BooleanField", {}),
    ),
}
ALIASES = {
    "django.contrib.auth.models.AbstractBaseUser": "django.contrib.auth.base_user.AbstractBaseUser",
    "polymorphic.PolymorphicModel": "polymorphic.models.PolymorphicModel",
    "mptt.MPTTModel": "mptt.models.MPTTModel",
}
# Bases that bring no field: what is neither these nor in BASES may hide some.
PLAIN = frozenset(
    (
        "django.db.models.Model",
        "django.db.models.base.Model",
        "django.contrib.gis.db.models.Model",
        "django_lifecycle.LifecycleModel",
        "django_lifecycle.LifecycleModelMixin",
        "django_lifecycle.mixins.LifecycleModelMixin",
        "django_lifecycle.models.LifecycleModel",
        "dirtyfields.dirtyfields.DirtyFieldsMixin",
        "model_utils.tracker.FieldInstanceTracker",
        "rules.contrib.models.RulesModel",
        "rules.contrib.models.RulesModelMixin",
        "simple_history.models.HistoricalRecords",
        "builtins.object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        *BASES,
        *ALIASES,
    )
)

# Models of Django's own apps: (label, name) → the table, where it is not label_name; fields; fields unique together.
CONTRIB: dict[tuple[str, str], tuple[str, tuple[Declared, ...], tuple[tuple[str, ...], ...]]] = {
    ("contenttypes", "contenttype"): (
        "django_content_type",
        (("app_label", "CharField", {"max_length": 100}), ("model", "CharField", {"max_length": 100})),
        (("app_label", "model"),),
    ),
    ("auth", "permission"): (
        "",
        (
            ("name", "CharField", {"max_length": 255}),
            ("content_type", "ForeignKey", {"to": "contenttypes.ContentType"}),
            ("codename", "CharField", {"max_length": 100}),
        ),
        (("content_type", "codename"),),
    ),
    ("auth", "group"): (
        "",
        (
            ("name", "CharField", {"max_length": 150, "unique": True}),
            ("permissions", "ManyToManyField", {"to": "auth.Permission"}),
        ),
        (),
    ),
    ("auth", "user"): ("", USER, ()),
    ("sites", "site"): (
        "django_site",
        (("domain", "CharField", {"max_length": 100, "unique": True}), ("name", "CharField", {"max_length": 50})),
        (),
    ),
    ("sessions", "session"): (
        "django_session",
        (
            ("session_key", "CharField", {"max_length": 40, "primary_key": True}),
            ("session_data", "TextField", {}),
            ("expire_date", "DateTimeField", {"db_index": True}),
        ),
        (),
    ),
    ("redirects", "redirect"): (
        "django_redirect",
        (
            ("site", "ForeignKey", {"to": "sites.Site"}),
            ("old_path", "CharField", {"max_length": 200, "db_index": True}),
            ("new_path", "CharField", {"max_length": 200}),
        ),
        (("site", "old_path"),),
    ),
}
