"""How Spark runs on hosts: a platform brings a cluster up, says how to submit to it, and takes it down."""

from __future__ import annotations

from sparkbed.errors import UsageError
from sparkbed.nearest import nearest
from sparkbed.platforms.base import Cluster, ClusterSpec, Platform, Setting
from sparkbed.platforms.docker import Docker
from sparkbed.platforms.mesos import Mesos
from sparkbed.platforms.osv import OsvPlatform
from sparkbed.platforms.standalone import Standalone

__all__ = ["Cluster", "ClusterSpec", "Platform", "Setting", "get", "names"]

_PLATFORMS: dict[str, Platform] = {
    platform.name: platform for platform in (Standalone(), Docker(), Mesos(), OsvPlatform())
}


def names() -> list[str]:
    """The platforms that there are."""
    return sorted(_PLATFORMS)


def get(name: str) -> Platform:
    """The platform of that name.

    Raises:
        UsageError: when there is none, naming near ones.
    """
    if name not in _PLATFORMS:
        raise UsageError(f"there is no platform {name!r}", hint=nearest(name, _PLATFORMS))
    return _PLATFORMS[name]
