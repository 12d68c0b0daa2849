"""Post-implementation review, service level targets, value."""
