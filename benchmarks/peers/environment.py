"""What every peer reads from its environment: the same variables as the service."""

import os
from typing import Final

REDIS_URL: Final = os.environ.get("TBG_REDIS_URL", "redis://127.0.0.1:6379/0")
DATABASE_URL: Final = os.environ.get("TBG_DATABASE_URL", "")
LIMIT: Final = int(os.environ.get("TBG_RATE_LIMIT_REQUESTS", "100"))
WINDOW_SECONDS: Final = 60
VERSION: Final = {"version": "0.1.0", "environment": "development"}
HEALTH: Final = {"status": "healthy"}
