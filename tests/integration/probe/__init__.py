"""A feature that misbehaves on request; see `app.py`."""
