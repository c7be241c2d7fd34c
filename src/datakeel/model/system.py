"""All of it: services, datasets and operations, and who touches what."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from datakeel.model.dataset import Dataset
from datakeel.model.effect import Effect, Kind
from datakeel.model.operation import Operation, Resource


class Setting(Struct, frozen=True, order=True, gc=False):
    """A project-wide setting that changes behaviour: ``django.ATOMIC_REQUESTS``, its value as text, where it stands."""

    name: str
    value: str
    path: str = ""
    line: int = 0


class Remark(Struct, frozen=True, order=True, gc=False):
    """What could not be analysed, in words for the report."""

    path: str
    line: int
    text: str


class System(Struct, frozen=True, kw_only=True):
    """The linked model. Operations are sorted by name, datasets by name."""

    operations: tuple[Operation, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    resources: tuple[Resource, ...] = ()  # those of modules
    settings: tuple[Setting, ...] = ()
    remarks: tuple[Remark, ...] = ()
    services: tuple[str, ...] = ()
    files: int = 0
    lines: int = 0

    def dataset(self, name: str) -> Dataset | None:
        return next((d for d in self.datasets if d.name == name), None)

    def setting(self, name: str) -> str | None:
        return next((s.value for s in self.settings if s.name == name), None)

    def writers(self, dataset: str) -> Iterator[tuple[Operation, Effect]]:
        """Who writes it, in its own text (callers are left out)."""
        for operation in self.operations:
            for effect in operation.of(Kind.WRITE):
                if effect.dataset == dataset and not effect.chain:
                    yield operation, effect

    def readers(self, dataset: str) -> Iterator[tuple[Operation, Effect]]:
        for operation in self.operations:
            for effect in operation.of(Kind.READ):
                if effect.dataset == dataset and not effect.chain:
                    yield operation, effect
