"""What a host is told at its birth: cloud-config, as cloud-init reads it on EC2 and the local endpoint does here."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any

from sparkbed.provision.keys import KeyPair

SERVICE = """\
[Unit]
Description=End this host: its time is over (sparkbed)
[Service]
Type=oneshot
ExecStart=/bin/systemctl poweroff
"""
TIMER = """\
[Unit]
Description=When this host ends itself (sparkbed)
[Timer]
OnCalendar={moment}
AccuracySec=1s
Persistent=true
[Install]
WantedBy=timers.target
"""


def cloud_config(host_key: KeyPair, ttl: float | None, end: datetime | None = None) -> str:
    """User data that gives the host its SSH host key, and lets it shut itself down after `ttl` seconds.

    Shutting down ends the instance: it is launched with InstanceInitiatedShutdownBehavior=terminate. `shutdown` works
    wherever cloud-init does, but a reboot forgets it; a timer for the moment `end` is kept, and fires late where the
    host slept through it.
    """
    document: dict[str, Any] = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
    }
    if ttl is not None:
        document["runcmd"] = [["shutdown", "-P", f"+{max(1, math.ceil(ttl / 60))}"]]
    if end is not None:
        moment = f"{end.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
        units = {"sparkbed-end.service": SERVICE, "sparkbed-end.timer": TIMER.format(moment=moment)}
        document["write_files"] = [
            {"path": f"/etc/systemd/system/{name}", "permissions": "0644", "content": text}
            for name, text in units.items()
        ]
        document["runcmd"].append(["systemctl", "enable", "--now", "sparkbed-end.timer"])
    return "#cloud-config\n" + json.dumps(document, indent=1) + "\n"  # JSON is YAML
