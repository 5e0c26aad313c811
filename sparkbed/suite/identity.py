"""Digests of content: what makes two cells, or two clusters, the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sparkbed.documents import plain
from sparkbed.model import Cell
from sparkbed.workloads import catalogue


def digest(content: Mapping[str, Any]) -> str:
    """The first 10 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(plain(content), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:10]


def content_of(cell: Cell) -> dict[str, Any]:
    """What a cell is, as plain JSON, without the names of its levels."""
    return {
        "hosts": {"inventory": cell.hosts.inventory, "count": dict(cell.hosts.count)},
        "platform": cell.platform,
        "settings": plain(cell.settings),
        "workload": cell.workload,
        "parameters": plain(cell.parameters),
    }


def cluster_key(cell: Cell) -> str:
    """The same for two cells exactly when they can run on one cluster: same hosts, platform, settings and daemons."""
    content = content_of(cell)
    shared = {key: content[key] for key in ("hosts", "platform", "settings")}
    return digest({**shared, "daemons": cluster_daemons(cell)})


def cluster_daemons(cell: Cell) -> bool:
    """Whether the cell's cluster needs Spark's master and workers: not for a plain workload."""
    workload = catalogue().get(cell.workload)
    return workload is None or not workload.plain


def cluster_settings(cell: Cell) -> dict[str, Any]:
    """What the platform is asked for when the cell's cluster is started: all of the cell's settings."""
    return dict(cell.settings)
