"""The database: one engine for the process, one session for each request."""

from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from shop import settings

engine = create_engine(settings.DATABASE_URL, pool_size=10, max_overflow=5, pool_timeout=5)
SessionLocal = sessionmaker(engine)


class Base(DeclarativeBase):
    pass


def get_session() -> Iterator[Session]:
    with SessionLocal() as session:
        yield session
