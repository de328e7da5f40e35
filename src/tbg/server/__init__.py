"""gunicorn and uvicorn, adjusted to this service; used from ``gunicorn.conf.py``."""
