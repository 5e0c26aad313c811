"""The ipc bench: the tables of one run stand beside those of other sizes, which took a run of their own."""

from __future__ import annotations

import runpy
from pathlib import Path

from sparkbed.home import ROOT


def test_a_run_replaces_the_tables_of_its_own_sizes_only(tmp_path: Path) -> None:
    bench = runpy.run_path(str(ROOT / "benchmarks" / "ipc.py"))
    write, table, (start, end) = bench["write"], bench["table"], bench["MARKS"]
    page = tmp_path / "ipc.md"
    page.write_text(f"# before\n\n{start}\n\n{end}\nafter\n")
    write.__globals__["PAGE"] = page

    def measured(seconds: float, *mebibytes: int) -> dict[int, list[str]]:
        launch = dict.fromkeys(bench["METRICS"], seconds)
        return {size << 20: table(size << 20, {"tcp": [launch]}, [2 * seconds]) for size in mebibytes}

    def speeds() -> list[tuple[str, str]]:
        text = page.read_text()
        assert text.startswith(f"# before\n\n{start}\n\n### ")
        assert text.endswith(f" GB/s.\n\n{end}\nafter\n")
        sections = [one.splitlines() for one in text.partition(end)[0].split("### ")[1:]]
        return [(one[0], one[4].split()[3]) for one in sections]

    write(measured(0.5, 64, 256))
    assert speeds() == [("64 MiB, 1 rounds", "0.13"), ("256 MiB, 1 rounds", "0.54")]
    write(measured(0.25, 256, 32))
    assert speeds() == [("32 MiB, 1 rounds", "0.13"), ("64 MiB, 1 rounds", "0.13"), ("256 MiB, 1 rounds", "1.07")]
    written = page.read_text()
    write({})
    assert page.read_text() == written
