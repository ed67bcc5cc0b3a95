"""What Alembic runs for every command. The transaction is the caller's: here nothing is committed."""

from alembic import context

from runners.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
