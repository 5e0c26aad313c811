"""The `provision` variable: what it may say, and the line of what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import UsageError
from sparkbed.inventory import ProvisionSpec, load, provision_spec


def spec(tmp_path: Path, provision: str) -> ProvisionSpec:
    (tmp_path / "hosts.yml").write_text(f"g:\n  hosts: {{h: }}\n  vars:\n    provision: {provision}\n")
    return provision_spec(load(tmp_path / "hosts.yml"), "h")


def test_a_host_without_it_exists_already(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("g:\n  hosts: {h: }\n")
    assert provision_spec(load(tmp_path / "hosts.yml"), "h") == ProvisionSpec(provider="static")


def test_local_hosts_are_processes_unless_said(tmp_path: Path) -> None:
    assert spec(tmp_path, "{provider: ec2, endpoint: local}").node == "process"
    assert spec(tmp_path, "{provider: ec2, node: netns}") == ProvisionSpec("ec2", "local", "netns")


def test_cloud_hosts(tmp_path: Path) -> None:
    text = (
        "{provider: ec2, endpoint: aws, region: us-west-2, instance_type: t3.small, image: ami-1, market: spot,"
        " ttl: 1h30m, max_price_per_hour: 0.5, volume_gb: 20}"
    )
    found = spec(tmp_path, text)
    assert found.node is None
    assert (found.region, found.market, found.ttl, found.max_price_per_hour) == ("us-west-2", "spot", 5400.0, 0.5)
    assert found.volume_gb == 20


BAD = {
    "ec2": "provision must be a mapping, not 'ec2'",
    "{endpoint: local}": "provision has no 'provider'",
    "{provider: gce}": "provider can't be 'gce'",
    "{provider: [ec2]}": "provider must be text",
    "{provider: ec2, nodes: process}": "provision has no key 'nodes'",
    "{provider: ec2, node: proces}": "node can't be 'proces'",
    "{provider: ec2, endpoint: gcp}": "endpoint can't be 'gcp'",
    "{provider: ec2, endpoint: aws, node: vm, region: a, instance_type: b, image: c}": "which only endpoint: local has",
    "{provider: ec2, endpoint: aws, instance_type: b, image: c}": "no 'region', which endpoint: aws needs",
    "{provider: ec2, endpoint: 'https://x', region: a, image: c}": "no 'instance_type', which endpoint: https://x",
    "{provider: ec2, ttl: soon}": "ttl must be a length of time, not 'soon'",
    "{provider: ec2, ttl: -5}": "ttl must be a length of time, not -5",
    "{provider: ec2, max_price_per_hour: cheap}": "max_price_per_hour must be a number above 0",
    "{provider: ec2, max_price_per_hour: 0}": "max_price_per_hour must be a number above 0",
    "{provider: ec2, volume_gb: 1.5}": "volume_gb must be a whole number",
    "{provider: ec2, market: auction}": "market can't be 'auction'",
    "{provider: ec2, region: '{{ region }}'}": "region can't be a template",
    "{provider: ec2, image: 7}": "image must be text, not 7",
    "{provider: static, region: here}": "says nothing about hosts that exist already",
}


@pytest.mark.parametrize("provision", BAD)
def test_bad_provision_is_named_by_line(provision: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        spec(tmp_path, provision)
    assert BAD[provision] in caught.value.what
    assert str(caught.value.where) == f"{tmp_path / 'hosts.yml'}:4"


def test_our_inventories_say_how_their_hosts_are_made() -> None:
    root = Path(__file__).resolve().parents[2] / "inventories"
    assert provision_spec(load(root / "local.yml"), "worker-2") == ProvisionSpec("ec2", "local", "process")
    assert provision_spec(load(root / "static.yml"), "worker-2") == ProvisionSpec("static")
    assert provision_spec(load(root / "ec2.yml"), "worker-4").endpoint == "aws"
