"""Release planning, build and test: the release aggregate."""
