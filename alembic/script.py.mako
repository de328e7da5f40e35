<%
    title = (message or "change the schema").rstrip(".")

    def commands(lines):
        return "\n".join(line for line in lines.split("\n") if not line.lstrip().startswith("# ###")).strip() or "pass"
%>\
"""${title[0].upper() + title[1:]}."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the change."""
    ${commands(upgrades)}


def downgrade() -> None:
    """Take it back."""
    ${commands(downgrades)}
