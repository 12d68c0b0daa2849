"""How any service is plumbed: store, bus, HTTP, identity, clock, testing. Knows no word of the process."""
