"""docs/playbooks.md names all that the subset has, docs/modules.md is made from it; nothing of Ansible's is lost."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

import pytest

from sparkbed.home import ROOT
from sparkbed.playbook import filters, keywords, lookups, modules, names, tests
from sparkbed.playbook.modules import reference
from sparkbed.playbook.modules.refused import CHOICES, OURS, REFUSED
from tests.components import ansible

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


SUPPORTED = keywords.PLAY_KEYWORDS | keywords.BLOCK_KEYWORDS | keywords.TASK_KEYWORDS | keywords.HANDLER_KEYWORDS
REMOVED_FROM_ANSIBLE = {"accelerate", "accelerate_ipv6", "accelerate_port"}


def test_refused_keywords_have_their_row() -> None:
    table = PAGE[PAGE.index("| keyword of Ansible's |") :].split("\n\n")[0]
    named = {word for line in table.splitlines()[2:] for word in line.split("|")[1].replace("`", "").split(", ")}
    assert {word.strip() for word in named} == keywords.ANSIBLE_KEYWORDS - SUPPORTED


def test_the_modules_page_is_what_the_tables_say() -> None:
    page = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")
    assert page == reference.page(), "make it anew: python -m sparkbed.playbook.modules > docs/modules.md"


def test_every_module_is_described_and_nothing_else() -> None:
    assert set(reference.ABOUT) - {"import_role", "import_tasks"} <= modules.SPECS.keys() <= set(reference.ABOUT)
    for table in (REFUSED, CHOICES, OURS):
        assert set(table) <= modules.SPECS.keys()
    both = [(name, set(options) & set(modules.SPECS[name].options)) for name, options in REFUSED.items()]
    assert [one for one in both if one[1]] == []


@functools.lru_cache(maxsize=2)
def ansible_doc(kind: str, *words: str) -> dict[str, Any]:
    program = ansible("ansible-doc")
    command = [str(program), "-j", "-t", kind, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    documents: dict[str, Any] = json.loads(done.stdout)
    return documents


def documented(name: str) -> dict[str, Any]:
    every = ansible_doc("module", *(f"ansible.builtin.{one}" for one in sorted(modules.SPECS)))
    options: dict[str, Any] = every[f"ansible.builtin.{name}"]["doc"].get("options") or {}
    return options


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(modules.SPECS))
def test_no_option_of_ansibles_is_forgotten(name: str) -> None:
    theirs = documented(name)
    their_names = {*theirs, *(alias for one in theirs.values() for alias in one.get("aliases") or ())}
    spec = modules.SPECS[name]
    own = {*spec.options, *(alias for option in spec.options.values() for alias in option.aliases)}
    own = {one for one in own if not one.startswith("_")}
    assert their_names - own == set(REFUSED.get(name, {}))
    if "*" not in OURS.get(name, {}):
        assert own - their_names == set(OURS.get(name, {}))


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(modules.SPECS))
def test_no_choice_of_ansibles_is_forgotten(name: str) -> None:
    lacking = set()
    for option, said in documented(name).items():
        ours = modules.SPECS[name].options.get(option)
        if ours is not None and ours.choices and said.get("choices"):
            lacking |= {f"{option}={choice}" for choice in said["choices"] if str(choice) not in ours.choices}
    assert lacking == set(CHOICES.get(name, {}))


@pytest.mark.full
def test_no_keyword_of_ansibles_is_forgotten() -> None:
    theirs = set(ansible_doc("keyword", "-l")) - REMOVED_FROM_ANSIBLE
    known = SUPPORTED | keywords.ANSIBLE_KEYWORDS
    assert {word for word in theirs if not word.startswith("with_")} - known - {"loop_control"} == set()
