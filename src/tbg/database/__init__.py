"""PostgreSQL: sessions that read or write, bounded in number and in time, and what happens when it is away."""

from tbg.database.engine import create_engine
from tbg.database.sessions import Database

__all__ = ["Database", "create_engine"]
