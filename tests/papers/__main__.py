"""`python -m tests.papers` writes docs/papers.md anew."""

from tests.papers.page import FILE, declared, page

FILE.write_text(page(declared()), encoding="utf-8")
