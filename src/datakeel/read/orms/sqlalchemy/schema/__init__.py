"""SQLAlchemy's classes, tables and Alembic's revisions → the tables that they make."""
