"""Alembic migrations; `pipeline.storage.migrate` runs them."""
