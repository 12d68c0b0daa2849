"""Shared by all services: the published contracts, and the chassis."""
