"""Embedded PostgreSQL and Valkey for `tbg dev` and the tests; production code never imports this package."""
