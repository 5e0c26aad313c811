"""The store: every campaign, trial, sample, series and task table, in one SQLite database with its provenance."""

from sparkbed.store.store import Store

__all__ = ["Store"]
