"""Environments, rehearsals, deployments, back-out, retirement."""
