"""Data that a cell leaves in its cluster's own folder for the cells after it. They end with that start of the cluster:
a resumed campaign, and one whose cluster was replaced after a failed trial, has to make them again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sparkbed.model import Cell
from sparkbed.platforms.base import Cluster
from sparkbed.suite import cluster_key


class LeftData:
    """Which start of its cluster the data of each cell lie on.

    Args:
        makers: the cells that leave data in their cluster's folder, in the suite's order.
        users: the ids of the cells that look for data there.
        made: the ids of makers that have succeeded in an earlier process of the campaign.
    """

    def __init__(self, makers: Sequence[Cell], users: Collection[str], made: Collection[str]) -> None:
        self._makers, self._users = tuple(makers), frozenset(users)
        self._there: dict[str, Cluster | None] = {cell.id: None for cell in makers if cell.id in made}

    def lost(self, cell: Cell, cluster: Cluster) -> list[Cell]:
        """The cells whose data this one would have found here, had its cluster not been started anew since."""
        if cell.id not in self._users:
            return []
        return [
            maker
            for maker in self._makers
            if maker.id != cell.id
            and cluster_key(maker) == cluster_key(cell)
            and maker.id in self._there
            and self._there[maker.id] is not cluster
        ]

    def made(self, cell: Cell, cluster: Cluster) -> None:
        """Note that the cell has left its data there, if it is one that does."""
        if cell in self._makers:
            self._there[cell.id] = cluster
