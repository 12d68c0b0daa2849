"""Parcel tracking: a small HTTP service that keeps a journal of parcels."""

__version__ = "1.1.1"
