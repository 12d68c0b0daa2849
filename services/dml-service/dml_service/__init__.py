"""Configuration management and the definitive media library."""
