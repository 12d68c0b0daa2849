"""Change management: changes, models, authorizations, policies, people, the calendar."""
