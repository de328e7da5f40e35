"""Every table of the service, wherever its model is."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

import tbg
from tbg.db.base import Base


def load_metadata() -> MetaData:
    """Import each ``models.py`` of this package, so that none can be forgotten, and return what they declare."""
    package = Path(tbg.__file__).parent
    for path in sorted(package.rglob("models.py")):
        import_module(".".join(("tbg", *path.relative_to(package).with_suffix("").parts)))
    return Base.metadata
