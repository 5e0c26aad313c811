"""Paper 000's own follow-ups, in their smallest form: every cell runs, and the report says what they are for."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Bed
from tests.e2e.engine import Engine, nothing_is_left

pytestmark = [pytest.mark.soak, pytest.mark.usefixtures("docker_engine"), pytest.mark.timeout(3600)]

QUESTION = "Does what containers cost depend on the number of shuffles, or on the size of the data?"


def test_every_cell_runs_and_the_report_asks_its_question(bed: Bed, engine: Engine) -> None:
    bed.inv("run-suite", "paper-000-why", "--profile", "tiny", deadline=3000)
    report = bed.report()
    assert report["campaign"]["status"] == "complete"
    assert len(report["cells"]) == 16
    stages: dict[tuple[str, int], int] = {}
    for cell in report["cells"]:
        [trial] = cell["trials"]
        assert trial["facts"]["faults"] == []
        contained = "packets.container-loopback" in trial["values"]
        assert contained == (cell["platform"] == "docker")
        if cell["workload"] == "python-shuffles":
            key = (cell["factors"]["platform"], cell["parameters"]["num-shuffles"])
            stages[key] = len(trial["facts"]["application"]["stages"])
    # A shuffle is a stage more, on both sides alike: nothing else differs between these cells.
    for platform in ("bare", "docker"):
        more = [stages[platform, shuffles] - stages[platform, 1] for shuffles in (10, 20, 40)]
        assert more == [9, 19, 39]
    courses = {(one["name"], one["size"]): one for one in report["growth"]}
    assert len(courses) == 4
    assert all(len(one["sizes"]) == 4 for one in courses.values())
    assert {(one["size"], one["baseline"], one["cell"]) for one in report["depends"]} == {
        ("num-shuffles", "bare", "docker"),
        ("num-edges", "bare", "docker"),
    }
    text = bed.inv("report", "--format", "md")
    assert text.startswith(f"# {QUESTION}\n")
    assert "nothing is said of whether that differs" in text, "one block can't tell"
    nothing_is_left(bed, engine)
