"""Mining workers: a feature that proves the engine, on a contract of its own and real PostgreSQL."""
