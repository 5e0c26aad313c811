"""docs/playbooks.md names everything that the subset has."""

from __future__ import annotations

import pytest

from sparkbed.home import ROOT
from sparkbed.playbook import filters, lookups, modules, names, parse, tests

PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        parse.PLAY_KEYWORDS,
        parse.BLOCK_KEYWORDS,
        parse.HANDLER_KEYWORDS,
        parse.LOOP_CONTROL,
        parse.META,
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
