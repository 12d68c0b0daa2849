"""The `fourgates` command, and the runner that puts all services into one process."""
