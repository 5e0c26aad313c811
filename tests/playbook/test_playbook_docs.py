"""docs/playbooks.md names everything that the subset has."""

from __future__ import annotations

import pytest

from sparkbed.home import ROOT
from sparkbed.playbook import filters, keywords, lookups, modules, names, tests

PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        keywords.PLAY_KEYWORDS,
        keywords.BLOCK_KEYWORDS,
        keywords.HANDLER_KEYWORDS,
        keywords.LOOP_CONTROL,
        keywords.META,
        modules.SPECS.keys(),
        filters.ANSIBLE.keys(),
        filters.REFUSED.keys() - {"vault", "unvault"},
        tests.ANSIBLE.keys(),
        names.MAGIC,
        names.TEMPLATE_MAGIC,
        lookups.KINDS.keys(),
    ],
    ids=lambda words: "-".join(sorted(words)[:2]),
)
def test_the_page_names_them_all(words: frozenset[str]) -> None:
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE] == []
