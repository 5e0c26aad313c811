"""The file that a user's program writes its numbers to: fetched from the driver's host, if this launch wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sparkbed.errors import RunError
from sparkbed.remote import Connections
from sparkbed.run.numbers_file import NumbersFile

NUMBERS = "metric,value,unit,iteration\nrows,5,rows,1\nrows,7,rows,2\n"


@pytest.fixture
def connections() -> Iterator[Connections]:
    with Connections(lambda _host: {"ansible_connection": "local"}) as made:
        yield made


def values(file: NumbersFile) -> list[float]:
    return [sample.value for sample in file.read(warmup=0)]


def test_one_in_the_launchs_own_folder(connections: Connections, tmp_path: Path) -> None:
    file = NumbersFile(connections, "here", tmp_path, "out/numbers.csv")
    with pytest.raises(RunError, match=r"the program did not write out/numbers\.csv"):
        file.read(warmup=0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "numbers.csv").write_text(NUMBERS)
    assert values(file) == [5.0, 7.0]


def test_one_elsewhere_is_fetched(connections: Connections, tmp_path: Path) -> None:
    there, folder = tmp_path / "there.csv", tmp_path / "trial"
    folder.mkdir()
    file = NumbersFile(connections, "here", folder, str(there))
    there.write_text(NUMBERS)
    assert values(file) == [5.0, 7.0]
    assert (folder / "there.csv").read_text() == NUMBERS


def test_a_program_that_died_before_it_wrote_is_told_so(connections: Connections, tmp_path: Path) -> None:
    """Not as a host that failed: that would be a trial that did not take place."""
    file = NumbersFile(connections, "here", tmp_path / "trial", str(tmp_path / "never.csv"))
    with pytest.raises(RunError, match="the program did not write"):
        file.read(warmup=0)


def test_what_an_earlier_launch_left_is_not_this_ones(connections: Connections, tmp_path: Path) -> None:
    there, folder = tmp_path / "there.csv", tmp_path / "trial"
    folder.mkdir()
    there.write_text(NUMBERS)
    file = NumbersFile(connections, "here", folder, str(there))
    with pytest.raises(RunError, match="which was there before"):
        file.read(warmup=0)
    there.write_text(NUMBERS.replace("7", "9"))
    assert values(file) == [5.0, 9.0]


def test_what_is_no_file_is_told(connections: Connections, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="it is no file that may be"):
        NumbersFile(connections, "here", tmp_path, str(tmp_path)).read(warmup=0)
