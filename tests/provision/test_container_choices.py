"""Container nodes where there is no engine, and what is chosen for them before one is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import HostError
from sparkbed.home import ROOT, Home
from sparkbed.provision import endpoint, provider_for
from sparkbed.provision.nodes import containers, images, iproute, private_networks


def quiet(_: str) -> None:
    pass


def test_without_an_engine_the_error_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "SOCKET", str(tmp_path / "none.sock"))
    hosts = inventories.load(ROOT / "inventories" / "containers.yml")
    home = Home(tmp_path / "state")
    with pytest.raises(HostError) as caught:
        provider_for(hosts, home).provision(hosts, "none", quiet)
    assert "apt-get install docker.io" in str(caught.value)
    assert "systemctl start docker" in str(caught.value)
    assert endpoint.alive(home) is None, "nothing was started for it"


def test_without_mmdebstrap_the_error_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "docker", lambda *words, **more: "")  # an engine that has no image
    monkeypatch.setattr(iproute, "FOLDERS", "/nowhere")
    with pytest.raises(HostError) as caught:
        images.ensure(quiet)
    assert "apt-get install mmdebstrap" in str(caught.value)


def test_the_images_name_tells_what_it_is_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    name = images.name()
    assert name == images.name()
    monkeypatch.setattr(images, "RECIPE", (*images.RECIPE, "--include=more"))
    assert images.name() != name


def test_networks_that_this_machine_reaches_already_are_not_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = tmp_path / "route"
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    # As the kernel of a little-endian machine prints them: the default route, 10.0.0.0/8 and 172.20.5.0/24.
    lines = [("00000000", "00000000"), ("0000000A", "000000FF"), ("000514AC", "00FFFFFF")]
    routes.write_text(head + "".join(f"eth0\t{to}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n" for to, mask in lines))
    monkeypatch.setattr(private_networks, "ROUTES", routes)
    monkeypatch.setattr(private_networks.sys, "byteorder", "little")
    asked = ("10.70.1.0/24", "172.20.5.0/24", "172.20.6.0/24", "192.168.7.0/24")
    taken = [cidr for cidr in asked if private_networks.routed(cidr)]
    assert taken == ["10.70.1.0/24", "172.20.5.0/24"]


def test_a_state_folder_tries_the_same_networks_again() -> None:
    assert list(private_networks.choices("one")) == list(private_networks.choices("one"))
    assert len(set(private_networks.choices("one")) & set(private_networks.choices("two"))) < 3
    for cidr in private_networks.choices("one"):
        assert private_networks.ipaddress.ip_network(cidr).is_private
