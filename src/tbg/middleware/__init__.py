"""What every request passes, one concern a module."""
