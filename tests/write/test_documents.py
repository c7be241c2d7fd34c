"""Documents as they are written."""

from pathlib import Path

from datakeel import reviewer
from datakeel.write.disk import put
from datakeel.write.writer import write
from tests.write.clean import assert_laid_out_and_clean
from tests.write.documents import DOCUMENTS


def test_only_what_is_looked_for_is_a_column_or_has_an_index() -> None:
    products = write(DOCUMENTS).text("migrations/0002_products.sql")
    assert "description" not in products and "price" not in products
    assert products.count("GENERATED ALWAYS") == 4  # sku, name, category, tags
    assert "CONSTRAINT products_sku_once UNIQUE (sku)" in products
    assert products.count("CREATE INDEX") == 2
    assert "ON products (category, name, id)" in products
    assert "USING gin (tags jsonb_path_ops)" in products


def test_moments_in_documents_are_read_the_same_under_every_setting() -> None:
    schema = write(DOCUMENTS).text("migrations/0003_forms.sql")
    assert "submitted_at timestamptz NOT NULL GENERATED ALWAYS AS (instant(body ->> 'submitted_at')) STORED" in schema
    assert "due date NOT NULL GENERATED ALWAYS AS (day(body ->> 'due')) STORED" in schema


def test_the_code_is_laid_out_and_clean_and_its_review_finds_nothing(tmp_path: Path) -> None:
    put(write(DOCUMENTS), tmp_path / "made")
    assert_laid_out_and_clean(tmp_path / "made")
    assert [str(f.place) for f in reviewer.review(tmp_path / "made").findings] == []


def test_the_same_design_gives_the_same_bytes() -> None:
    assert write(DOCUMENTS) == write(DOCUMENTS)
