"""How many requests a client may make: one sliding window per client, shared by all workers and machines."""

from tbg.rate_limiting.limiter import Decision, RateLimiter

__all__ = ["Decision", "RateLimiter"]
