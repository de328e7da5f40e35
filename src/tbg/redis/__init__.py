"""Redis or Valkey: one server, with TLS, behind Sentinel, or a Cluster."""
