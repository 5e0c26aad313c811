"""Platform osv on the site's hosts: what is started there, and what is left of it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from cluster_site import Ours, Site

from sparkbed.platforms.base import Cluster, ClusterSpec
from sparkbed.platforms.osv import OsvPlatform
from sparkbed.remote import Connections


def resolved(**settings: Any) -> dict[str, Any]:
    return OsvPlatform().resolve(settings)


class Place:
    """The site's three hosts, of which the workers have other variables, and what plays there."""

    def __init__(self, site: Site, connections: Connections, variables: dict[str, dict[str, Any]]) -> None:
        inventory = site.inventory
        for host, those in variables.items():
            inventory = inventory.with_host_variables(host, those)
        self.site, self.inventory = site, inventory
        self.runner = Ours(replace(site, inventory=inventory), connections)

    def start(self, **settings: Any) -> Cluster:
        return OsvPlatform().start(ClusterSpec("unikernel", settings, self.inventory, 2), self.runner)

    def left(self) -> list[str]:
        """Folders of the cluster, and processes that carry its mark."""
        folders = [f"{folder}/cluster-unikernel" for folder in self.site.folders.values()]
        found = [folder for folder in folders if Path(folder).exists()]
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SPARKBED_CLUSTER") in folders:
                    found.append(" ".join(process.cmdline()))
        return found
