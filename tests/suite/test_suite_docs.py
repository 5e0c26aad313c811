"""docs/suites.md and docs/inventories.md stay true."""

from __future__ import annotations

import re
from pathlib import Path

from sparkbed.inventory.provisioning import ProvisionSpec
from sparkbed.suite import compared, load
from sparkbed.suite.load import KEYS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_example_loads(tmp_path: Path) -> None:
    text = (DOCS / "suites.md").read_text(encoding="utf-8")
    (tmp_path / "example.yml").write_text(text.split("```yaml\n")[1].split("```")[0])
    suite = load(tmp_path / "example.yml")
    assert len(suite.cells) == 5
    assert len(compared(suite)) == 3
    assert load(tmp_path / "example.yml", profile="tiny").trials == 1


def test_the_example_of_a_paper_is_accepted(tmp_path: Path) -> None:
    text = (DOCS / "suites.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[2].split("```")[0]
    (tmp_path / "example.yml").write_text(f"suite: s\nworkload: kmeans\n{example}")
    suite = load(tmp_path / "example.yml", sets=["trials=2"])
    assert suite.repeats is not None
    assert list(suite.repeats.tables[0].cells) == ["kmeans (no Docker)", "kmeans (with Docker)"]


def test_every_key_of_a_suite_is_explained() -> None:
    text = (DOCS / "suites.md").read_text(encoding="utf-8")
    in_tables = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
    assert in_tables == set(KEYS) - {"suite", "question", "profiles"}


def test_every_key_of_provision_is_explained() -> None:
    text = (DOCS / "inventories.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"\w+", row)} == set(ProvisionSpec.__dataclass_fields__)
