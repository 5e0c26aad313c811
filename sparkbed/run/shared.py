"""The folder that all of a cluster's workers on one machine see, and parameters that name it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sparkbed.errors import PlatformError, UsageError
from sparkbed.platforms.base import Cluster, Platform

PLACE = "{shared}"


def shared_folder(cluster: Cluster) -> PurePosixPath:
    """The folder on the driver's host that all workers there see under the same path. It ends with the cluster."""
    return PurePosixPath(cluster.folder) / "shared"


def in_shared_folder(parameters: Mapping[str, Any]) -> bool:
    """Whether a parameter names the folder."""
    return bool(_naming(parameters))


def _naming(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in parameters.items() if isinstance(text, str) and PLACE in text}


def located(parameters: Mapping[str, Any], platform: Platform, cluster: Cluster) -> Mapping[str, Any]:
    """The parameters, with `{shared}` in a text as the cluster's shared folder.

    Raises:
        PlatformError: when they name it and the cluster's workers are not on one machine, and so have no such folder.
    """
    naming = _naming(parameters)
    if not naming:
        return parameters
    try:
        for host in cluster.spec.inventory.hosts_of("workers"):
            platform.inside(cluster, host)
    except UsageError as error:
        name, text = next(iter(naming.items()))
        raise PlatformError(
            f"{name} {text}: {error.what}, and so there is no folder that all workers see",
            where=error.where,
            hint=f"Set {name} to one that they do, such as hdfs://namenode:9000/data.",
        ) from error
    return {**parameters, **{name: text.replace(PLACE, str(shared_folder(cluster))) for name, text in naming.items()}}
