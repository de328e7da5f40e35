"""Tables and what Alembic needs to know of them."""
