"""Revisions of the database, run by `database.py` when it opens one.

To change the schema: change `schema.py`, add `versions/rNNNN_what_it_does.py` beside the others, set HEAD. A test holds
that the revisions, run in order, give exactly `schema.py`.
"""

HEAD = "0003"
"""The newest revision. Known without loading Alembic, so that opening a database that is up to date stays quick."""
