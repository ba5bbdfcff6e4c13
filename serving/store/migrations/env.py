"""Alembic's entry point: runs missing migrations in the transaction opened by `database`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table=context.config.attributes["table"])
context.run_migrations()
