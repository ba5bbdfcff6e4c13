"""What Alembic runs: the steps that are missing, in the transaction that `database` has opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table=context.config.attributes["table"])
context.run_migrations()
