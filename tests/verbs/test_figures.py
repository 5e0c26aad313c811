"""`inv report --format svg`: each figure of the page as a file that any program can place."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import made_up
import pytest

from tests.verbs.command import ID, inv


def test_every_figure_is_a_file_of_plain_svg(tmp_path: Path) -> None:
    made_up.store_with(tmp_path).close()
    done = inv(tmp_path, "report", "--format", "svg", "--output", str(tmp_path / "figures"))
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "figures").iterdir())
    assert done.stdout == f"{len(files)} figures of {ID}: {tmp_path / 'figures'}\n"
    assert len(files) > 5
    for file in files:
        text = file.read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert root.findtext("{http://www.w3.org/2000/svg}title")
        assert "var(--" not in text
        assert "#0102" not in text, "a colour that stands for another"


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    made_up.store_with(tmp_path).close()
    (tmp_path / "taken").write_text("a file")
    done = inv(tmp_path, "report", "--format", "svg", "--output", str(tmp_path / "taken" / "below"))
    assert done.returncode == 2
    assert "can't make" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("output", [None, "elsewhere"])
def test_figures_go_beside_the_page(tmp_path: Path, output: str | None) -> None:
    made_up.store_with(tmp_path).close()
    words = ("--output", str(tmp_path / output)) if output else ()
    assert inv(tmp_path, "report", "--format", "svg", *words).returncode == 0
    folder = tmp_path / output if output else tmp_path / "campaigns" / ID / "report.figures"
    assert list(folder.glob("*.svg"))
