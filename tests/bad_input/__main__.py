"""`python -m tests.bad_input` writes docs/bad-input.md anew."""

from pathlib import Path

from tests.bad_input.cases import page

(Path(__file__).parents[2] / "docs" / "bad-input.md").write_text(page(), encoding="utf-8")
