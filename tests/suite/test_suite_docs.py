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


def test_the_example_of_a_paper_finds_its_cells(tmp_path: Path) -> None:
    text = (DOCS / "suites.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n")[2].split("```")[0]
    factors = "factors: {workload: [pagerank, kmeans], platform: [standalone, docker]}"
    (tmp_path / "example.yml").write_text(f"suite: s\n{factors}\n{example}")
    suite = load(tmp_path / "example.yml")
    (repeated,) = suite.repeats
    labels = {cell.id: cell.label for cell in suite.cells}
    (table,) = repeated.document(suite.cells)["tables"]
    assert {name: [labels[one] for one in ids] for name, ids in table["cells"].items()} == {
        "kmeans (no Docker)": ["workload=kmeans platform=standalone"],
        "kmeans (with Docker)": ["workload=kmeans platform=docker"],
    }


def test_every_key_of_a_suite_is_explained() -> None:
    text = (DOCS / "suites.md").read_text(encoding="utf-8")
    in_tables = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
    assert in_tables == set(KEYS) - {"suite", "question", "profiles"}


def test_every_key_of_provision_is_explained() -> None:
    text = (DOCS / "inventories.md").read_text(encoding="utf-8").split("\n## `provision`")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", text, re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"\w+", row)} == set(ProvisionSpec.__dataclass_fields__)
