"""`datakeel fix` for a set that two runs count: the rows that both have read are locked, and what two runs leave is
what two runs in turn do."""

from __future__ import annotations

from pathlib import Path

import pytest

from datakeel.cli import main
from datakeel.reviewer import review
from tests.mend.projects import DJANGO_BASE, laid_out, line_of, played

DOCTORS = {
    **DJANGO_BASE,
    "shop/models.py": """
        from django.db import models


        class Doctor(models.Model):
            shift = models.IntegerField()
            on_call = models.BooleanField(default=True)
        """,
    "shop/services.py": """
        from django.db import transaction

        from shop.models import Doctor


        @transaction.atomic
        def leave(doctor_id: int, shift: int) -> None:
            if Doctor.objects.filter(shift=shift, on_call=True).count() < 2:
                raise ValueError("somebody has to stay")
            Doctor.objects.filter(pk=doctor_id).update(on_call=False)  # here
        """,
}

COURSES = {
    **DJANGO_BASE,
    "shop/models.py": """
        from django.db import models


        class Course(models.Model):
            places = models.IntegerField()


        class Seat(models.Model):
            course = models.ForeignKey(Course, on_delete=models.CASCADE)
            price = models.IntegerField()
        """,
    "shop/services.py": """
        from django.db import transaction

        from shop.models import Course, Seat


        @transaction.atomic
        def book(course_id: int, price: int) -> None:
            course = Course.objects.get(pk=course_id)
            if Seat.objects.filter(course=course).count() >= 3:
                raise ValueError("the course is full")
            Seat.objects.create(course=course, price=price)  # here
        """,
}

MAPPED = """
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


    class Base(DeclarativeBase):
        pass


    class Doctor(Base):
        __tablename__ = "doctors"

        id: Mapped[int] = mapped_column(primary_key=True)
        shift: Mapped[int]
        on_call: Mapped[bool]
    """

SELECTED = {
    "shop/__init__.py": "",
    "shop/models.py": MAPPED,
    "shop/services.py": """
        from sqlalchemy import func, select
        from sqlalchemy.orm import Session

        from shop.models import Doctor


        def leave(session: Session, doctor_id: int) -> None:
            doctor = session.get(Doctor, doctor_id)
            held = session.scalar(
                select(func.count()).select_from(Doctor).where(Doctor.shift == doctor.shift, Doctor.on_call.is_(True))
            )
            if held < 2:
                raise ValueError("somebody has to stay")
            doctor.on_call = False  # here
            session.commit()
        """,
}

QUERIED = {
    "shop/__init__.py": "",
    "shop/models.py": MAPPED,
    "shop/services.py": """
        from sqlalchemy.orm import Session

        from shop.models import Doctor


        def leave(session: Session, doctor_id: int) -> None:
            doctor = session.get(Doctor, doctor_id)
            if session.query(Doctor).filter_by(shift=doctor.shift, on_call=True).count() < 2:
                raise ValueError("somebody has to stay")
            doctor.on_call = False  # here
            session.commit()
        """,
}

CASES = {
    "the rows that are counted": (
        DOCTORS,
        '    if len(Doctor.objects.filter(shift=shift, on_call=True).select_for_update().order_by("pk")) < 2:\n',
    ),
    "the row that owns them": (COURSES, "    course = Course.objects.select_for_update().get(pk=course_id)\n"),
    "the rows that a query of SQLAlchemy counts": (
        QUERIED,
        ".filter_by(shift=doctor.shift, on_call=True).order_by(Doctor.id).with_for_update().all()",
    ),
    "the rows that a select of SQLAlchemy counts": (
        SELECTED,
        "            .where(Doctor.shift == doctor.shift, Doctor.on_call.is_(True))\n"
        "            .order_by(Doctor.id)\n"
        "            .with_for_update()\n",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_two_runs_lock_what_both_have_read(
    case: tuple[dict[str, str], str],
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files, written = case
    project = laid_out(files, tmp_path, monkeypatch)
    name = f"shop/services.py:{line_of(project / 'shop/services.py', 'here')}"
    assert main(["prove", name, "--output", "test_proof.py"]) == 0, capsys.readouterr().err
    before = played(project, postgres)
    assert "1 failed" in before, before
    assert main(["fix", name, "--apply"]) == 0, capsys.readouterr().err
    assert written in (project / "shop/services.py").read_text()
    after = played(project, postgres)
    assert "1 passed" in after, after
    assert "write-skew" not in {f.rule for f in review(project).findings}


def test_where_no_row_is_there_to_lock_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = COURSES["shop/services.py"].replace("            course = Course.objects.get(pk=course_id)\n", "")
    code = code.replace("course=course", "course_id=course_id")
    project = laid_out({**COURSES, "shop/services.py": code}, tmp_path, monkeypatch)
    assert main(["fix", f"shop/services.py:{line_of(project / 'shop/services.py', 'here')}"]) == 2
    assert "no row is there yet that two runs could both lock" in capsys.readouterr().err
