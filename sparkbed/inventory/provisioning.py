"""The `provision` variable: how a host comes to be. Absent, the host exists already (`provider: static`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparkbed.documents import Map, expect_keys
from sparkbed.durations import seconds
from sparkbed.errors import DocumentError
from sparkbed.inventory.model import Inventory
from sparkbed.nearest import nearest
from sparkbed.position import Position

PROVIDERS = ("ec2", "static")
NODES = ("process", "netns", "container", "vm")
LIMITS = ("cpus", "memory", "bandwidth")
"""What a node may use of this machine."""
UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
RATES = {"kbit": 10**3, "mbit": 10**6, "gbit": 10**9}
MARKETS = ("on-demand", "spot")
CONTROLS = ("ssh", "osv")


@dataclass(frozen=True)
class ProvisionSpec:
    """How one host is made. Hosts with equal specs can be made by one request.

    `endpoint` is `local` (the emulated EC2 API on this machine), `aws`, or the URL of another EC2-compatible API.
    `node` is what a local instance is made of, and None elsewhere. `ttl` is seconds after which an instance ends
    itself; `max_price_per_hour` is US dollars for one instance, above which none is launched; `price_per_hour` is what
    one costs, for those who know better than AWS's list; `volume_gb` is the size of the root volume. `image` is an id,
    or `ssm:` and the name of an SSM parameter that holds it; `instance_profile` is a name or an ARN.
    `control` is how a host is worked with, and what proves that it is up: a login by SSH, or OSv's REST API.
    `cpus` (cores) and `memory` (bytes) limit what a node on this machine uses of it, `bandwidth` (bits a second) what
    its link carries each way.
    """

    provider: str = "static"
    endpoint: str = "local"
    node: str | None = None
    region: str | None = None
    instance_type: str | None = None
    image: str | None = None
    market: str = "on-demand"
    ttl: float | None = None
    max_price_per_hour: float | None = None
    subnet: str | None = None
    volume_gb: int | None = None
    cpus: float | None = None
    memory: int | None = None
    bandwidth: int | None = None
    instance_profile: str | None = None
    price_per_hour: float | None = None
    control: str = "ssh"


def provision_spec(inventory: Inventory, host: str) -> ProvisionSpec:
    """The checked `provision` variable of `host`; `provider: static` without one.

    Raises:
        DocumentError: for an unknown key, a wrong type, a value outside the known ones, or one that is missing.
    """
    variables = inventory.variables(host)
    if "provision" not in variables:
        return ProvisionSpec()
    where = inventory.position_of(host, "provision") or Position(inventory.path, 1)
    return parse(variables["provision"], where)


def parse(value: Any, where: Position) -> ProvisionSpec:
    """The spec that a `provision` value at `where` stands for (see `provision_spec`)."""
    if not isinstance(value, Map):
        raise DocumentError(
            f"provision must be a mapping, not {value!r}",
            where=where,
            hint="Write it as: provision: {provider: ec2, endpoint: local, node: process}",
        )
    expect_keys(value, ProvisionSpec.__dataclass_fields__, "provision")
    if "provider" not in value:
        raise DocumentError("provision has no 'provider'", where=where, hint=f"It is one of {', '.join(PROVIDERS)}.")
    provider = _one_of(value, "provider", PROVIDERS)
    if provider == "static":
        return _static(value)
    endpoint = _endpoint(value)
    local = endpoint == "local"
    if local:
        _expect_local(value)
    else:
        _expect_cloud(value, where, endpoint)
    return ProvisionSpec(
        provider=provider,
        endpoint=endpoint,
        node=_one_of(value, "node", NODES, "process") if local else None,
        region=_text(value, "region"),
        instance_type=_text(value, "instance_type"),
        image=_image(value),
        market=_one_of(value, "market", MARKETS, "on-demand"),
        ttl=seconds(value["ttl"], where=value.where("ttl"), what="ttl") if value.get("ttl") is not None else None,
        max_price_per_hour=_number(value, "max_price_per_hour"),
        subnet=_text(value, "subnet"),
        volume_gb=_whole(value, "volume_gb"),
        cpus=_number(value, "cpus"),
        memory=_amount(value, "memory", UNITS, "512m, 2g"),
        bandwidth=_amount(value, "bandwidth", RATES, "500kbit, 10mbit"),
        instance_profile=_text(value, "instance_profile"),
        price_per_hour=_number(value, "price_per_hour"),
        control=_one_of(value, "control", CONTROLS, "ssh"),
    )


def _static(value: Map) -> ProvisionSpec:
    for key in value:
        if key != "provider":
            raise DocumentError(
                f"provision has {key!r}, which says nothing about hosts that exist already (provider: static)",
                where=value.where(key),
                hint="Take it out, or set provider: ec2.",
            )
    return ProvisionSpec()


def _expect_local(value: Map) -> None:
    """What nodes of this machine have: a login, and limits, but for processes, which are among others here."""
    if value.get("control") not in (None, "ssh"):
        raise DocumentError(
            "provision has 'control', but nodes on this machine are all logged in to",
            where=value.where("control"),
            hint="Take it out; OSv under QEMU is booted by the platform (osv_image, docs/platforms.md).",
        )
    for key in LIMITS:
        if key in value and value.get("node", "process") == "process":
            raise DocumentError(
                f"provision has {key!r}, but process nodes have no limits",
                where=value.where(key),
                hint="Take it out, or take nodes of another kind: netns, container or vm.",
            )
    if "bandwidth" in value and value.get("node") != "netns":
        raise DocumentError(
            f"provision has 'bandwidth', but nodes of kind {value['node']} have no slow links",
            where=value.where("bandwidth"),
            hint="Take it out, or take nodes of kind netns.",
        )


def _expect_cloud(value: Map, where: Position, endpoint: str) -> None:
    """What a cloud must be told, and what only the local endpoint knows."""
    for key in ("node", *LIMITS):
        if key in value:
            raise DocumentError(
                f"provision has {key!r}, which only endpoint: local has (this is {endpoint})",
                where=value.where(key),
                hint="Take it out; instance_type says what the host is.",
            )
    if value.get("control") == "osv" and value.get("ttl") is not None:
        raise DocumentError(
            "provision has 'ttl', but an OSv instance can't end itself",
            where=value.where("ttl"),
            hint="Take it out, and end the hosts with `inv teardown`; `inv status --leaks` shows what is left.",
        )
    for key in ("region", "instance_type", "image"):
        if value.get(key) is None:
            raise DocumentError(
                f"provision has no {key!r}, which endpoint: {endpoint} needs",
                where=where,
                hint="inventories/ec2.yml has an example.",
            )


def _image(value: Map) -> str | None:
    text = _text(value, "image")
    if text and text.startswith("ssm:") and not text.startswith("ssm:/"):
        raise DocumentError(
            f"image can't be {text!r}: the name of an SSM parameter begins with a slash",
            where=value.where("image"),
            hint="For example ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64.",
        )
    return text


def _endpoint(value: Map) -> str:
    text = _text(value, "endpoint") or "local"
    if text in ("local", "aws") or text.startswith(("http://", "https://")):
        return text
    raise DocumentError(
        f"endpoint can't be {text!r}",
        where=value.where("endpoint"),
        hint="It is local, aws, or the URL of an EC2-compatible API (https://...).",
    )


def _one_of(value: Map, key: str, known: tuple[str, ...], default: str | None = None) -> str:
    text = _text(value, key)
    if text is None and default is not None:
        return default
    if text not in known:
        raise DocumentError(
            f"{key} can't be {text!r}", where=value.where(key), hint=nearest(text, known, every="It is one of")
        )
    return text


def _text(value: Map, key: str) -> str | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, str):
        raise DocumentError(f"{key} must be text, not {found!r}", where=value.where(key), hint="Put it in quotes.")
    if "{{" in found:
        raise DocumentError(
            f"{key} can't be a template: hosts are made before templates are filled in",
            where=value.where(key),
            hint="Write the value itself.",
        )
    return found


def _number(value: Map, key: str) -> float | None:
    found = value.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not found > 0:
        raise DocumentError(f"{key} must be a number above 0, not {found!r}", where=value.where(key))
    return float(found)


def _whole(value: Map, key: str) -> int | None:
    found = _number(value, key)
    if found is not None and not found.is_integer():
        raise DocumentError(f"{key} must be a whole number, not {found!r}", where=value.where(key))
    return None if found is None else int(found)


def _amount(value: Map, key: str, units: Mapping[str, int], such_as: str) -> int | None:
    """A whole number with one of these units: memory as Java and Docker write it, speeds as tc does."""
    found = value.get(key)
    if found is None:
        return None
    said = re.fullmatch(r"([0-9]+)([a-z]+)", str(found).lower())
    if not said or said[2] not in units or int(said[1]) == 0:
        raise DocumentError(
            f"{key} can't be {found!r}", where=value.where(key), hint=f"Write a whole number and a unit: {such_as}."
        )
    return int(said[1]) * units[said[2]]


def specs(inventory: Inventory) -> Mapping[str, ProvisionSpec]:
    """The spec of every host that is made or logged in to, in the inventory's order."""
    return {host: provision_spec(inventory, host) for host in logins(inventory)}


WITHOUT_LOGIN = "osv_api"
"""A variable of hosts that are up already and have no SSH server: OSv instances, by where their REST API answers."""


def logins(inventory: Inventory) -> list[str]:
    """The hosts that are logged in to."""
    return [host for host in inventory.hosts if WITHOUT_LOGIN not in inventory.variables(host)]
