"""What Alembic runs to migrate: our tables over the connection it was handed. Never run by itself."""

from alembic import context

from bot.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite changes a column only by copying its table
    render_as_batch=True,
    transactional_ddl=False,  # __main__ holds one transaction, with the lock in it, around everything
)
context.run_migrations()
