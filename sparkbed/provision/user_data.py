"""What a host is told at its birth: cloud-config, as cloud-init reads it on EC2 and the local endpoint does here."""

from __future__ import annotations

import json
import math
from typing import Any

from sparkbed.provision.keys import KeyPair


def cloud_config(host_key: KeyPair, ttl: float | None) -> str:
    """User data that gives the host its SSH host key, and lets it shut itself down after `ttl` seconds."""
    document: dict[str, Any] = {
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
    }
    if ttl is not None:
        # Shutting down ends the instance: it is launched with InstanceInitiatedShutdownBehavior=terminate.
        document["runcmd"] = [["shutdown", "-P", f"+{max(1, math.ceil(ttl / 60))}"]]
    return "#cloud-config\n" + json.dumps(document, indent=1) + "\n"  # JSON is YAML
