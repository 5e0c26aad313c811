"""Alembic's environment: it runs inside the transaction that `sparkbed/store/database.py` has opened."""

from alembic import context

from sparkbed.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can't alter most of a table in place
    transactional_ddl=True,
)
context.run_migrations()
