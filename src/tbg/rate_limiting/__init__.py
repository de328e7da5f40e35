"""How many requests a client may make: sliding windows in Redis, shared by all workers and machines."""

from tbg.rate_limiting.limiter import SCRIPT, RateLimiter, State, Verdict
from tbg.rate_limiting.metrics import RateLimitMetrics
from tbg.rate_limiting.plan import RateLimits
from tbg.rate_limiting.policies import ADDRESS, DEFAULT, Policy, Rule

__all__ = [
    "ADDRESS",
    "DEFAULT",
    "SCRIPT",
    "Policy",
    "RateLimitMetrics",
    "RateLimiter",
    "RateLimits",
    "Rule",
    "State",
    "Verdict",
]
