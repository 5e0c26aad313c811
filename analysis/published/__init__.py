"""What the papers published that this test bed repeats: their tables, and numbers of their text, as data.

for paper in papers(): ...
paper("000").table("1").cells()["kmeans (with Docker)"]["mean"].number      # 13.05

Facts only: values stand as they are printed, misprints among them, which are flagged; captions are our own words.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

from analysis.published.model import Axis, Experiment, Number, Paper, Remark, Table, Value
from analysis.published.reading import PublishedError, parse

__all__ = [
    "Axis",
    "Experiment",
    "Number",
    "Paper",
    "PublishedError",
    "Remark",
    "Table",
    "Value",
    "keys",
    "paper",
    "papers",
]


def keys() -> list[str]:
    """The papers' keys, sorted."""
    files = resources.files(__package__).iterdir()
    return sorted(file.name.removesuffix(".yml") for file in files if file.name.endswith(".yml"))


@cache
def paper(key: str) -> Paper:
    """The paper with this key.

    Raises:
        KeyError: when there is none.
        PublishedError: when its file is wrong.
    """
    if key not in keys():
        raise KeyError(key)
    text = resources.files(__package__).joinpath(f"{key}.yml").read_text(encoding="utf-8")
    found = parse(text, f"{key}.yml")
    if found.key != key:
        raise PublishedError(f"{key}.yml: its key is {found.key!r}")
    return found


def papers() -> list[Paper]:
    """All papers, by key."""
    return [paper(key) for key in keys()]
