"""The operators' window over all services."""
