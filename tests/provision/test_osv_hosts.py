"""Hosts that nobody can log in to: OSv instances of EC2's, which prove that they are up by their REST API."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import HostError
from sparkbed.home import Home
from sparkbed.inventory import logins
from sparkbed.model import Machine
from sparkbed.provision import ec2, provider_for
from sparkbed.provision.reach import await_osv
from tests.platforms.osv_double import Instance, served
from tests.provision.conftest import REGION, left_of

MACHINE = Machine("osv-1", "127.0.0.1", 22, "", Path("key"), Path("known_hosts"))


def hosts_of_both_kinds(folder: Path, image: str) -> inventories.Inventory:
    common = f"provider: ec2, endpoint: aws, region: {REGION}, instance_type: t3.small, volume_gb: 20, image: '{image}'"
    path = folder / "osv.yml"
    path.write_text(
        f"""\
all:
  children:
    master:
      hosts: {{driver: }}
      vars: {{ansible_user: ubuntu, provision: {{{common}}}}}
    workers:
      hosts: {{'osv-[1:2]': }}
      vars: {{provision: {{{common}, control: osv}}}}
"""
    )
    return inventories.load(path)


def test_they_are_made_without_a_login_and_named_by_where_they_answer(
    cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # moto's instances are records: there is no machine to log in to, nor to ask.
    logged_in: list[str] = []
    answered: dict[str, str] = {}
    monkeypatch.setattr(ec2, "log_in", lambda machine, _: logged_in.append(machine.name))
    monkeypatch.setattr(ec2, "await_osv", lambda machine, api, _: answered.update({machine.name: api}))
    given = hosts_of_both_kinds(tmp_path, image)
    provider = provider_for(given, Home(tmp_path / "state"))
    said: list[str] = []
    deployment = provider.provision(given, "both", said.append)
    listed = [one for page in cloud.describe_instances()["Reservations"] for one in page["Instances"]]
    own = {one.get("PublicIpAddress") or one["PrivateIpAddress"]: one["PrivateIpAddress"] for one in listed}
    assert logged_in == ["driver"]
    assert sorted(answered) == ["osv-1", "osv-2"]
    made = inventories.load(deployment.inventory)
    assert logins(made) == ["driver"]
    for name in ("osv-1", "osv-2"):
        variables = made.variables(name)
        address = str(variables["osv_api"]).removeprefix("http://").removesuffix(":8000")
        assert answered[name] == variables["osv_api"]
        assert variables["spark_address"] == own[address] != address
        assert variables["osv_bind_address"] == "0.0.0.0"
        assert not [key for key in variables if key.startswith("ansible_") or key == "sparkbed_known_hosts"]
    assert any(line.startswith("2 hosts answer by OSv's REST API after") for line in said)
    assert any(line.startswith("1 hosts answer SSH after") for line in said)
    for one in listed:
        told = cloud.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="userData")["UserData"]
        marks = {tag["Key"]: tag["Value"] for tag in one["Tags"]}
        name = next(m.name for m in deployment.machines if m.instance_id == one["InstanceId"])
        assert bool(told.get("Value")) == ("sparkbed:host-key" in marks) == (name == "driver")
    adopted = provider.provision(given, "both", said.append)
    assert [machine.adopted for machine in adopted.machines] == [True, True, True]
    assert dict(adopted.machines[1].variables) == dict(deployment.machines[1].variables)
    provider.teardown("both", lambda _: None)
    assert left_of(cloud) == []


def test_one_that_does_not_answer_takes_all_of_its_launch_along(
    cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)
    monkeypatch.setitem(ec2.LOGIN_DEADLINE, False, 0.2)
    monkeypatch.setattr(
        ec2, "await_osv", lambda machine, _, deadline: await_osv(machine, "http://127.0.0.1:9", deadline)
    )
    given = hosts_of_both_kinds(tmp_path, image)
    with pytest.raises(
        HostError, match=r"osv-[12] can't be used: no OSv answers at http://127.0.0.1:9 .*refused"
    ) as failed:
        provider_for(given, Home(tmp_path / "state")).provision(given, "both", lambda _: None)
    assert "httpserver-api" in str(failed.value.hint)
    assert left_of(cloud) == []


def test_it_is_asked_until_it_tells_its_version(tmp_path: Path) -> None:
    with served(Instance(tmp_path)) as booting:
        booting.busy = 2
        await_osv(MACHINE, booting.url, 60)
        assert booting.busy == 0
        booting.busy = 1000
        with pytest.raises(HostError, match="503"):
            await_osv(MACHINE, booting.url, 0.2)


def test_what_others_answer_is_no_osv_and_no_proxy_stands_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=lambda: other.accept()[0].sendall(b"SSH-2.0-other\r\n"), daemon=True).start()
        with pytest.raises(HostError, match="osv-1 can't be used"):
            await_osv(MACHINE, f"http://127.0.0.1:{other.getsockname()[1]}", 0)
    with served(Instance(tmp_path)) as answers:
        await_osv(MACHINE, answers.url, 60)


def test_hosts_with_a_public_address_are_reached_by_spark_at_their_own(
    cloud: Any, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2, "log_in", lambda *_: None)
    given = hosts_of_both_kinds(tmp_path, image)
    monkeypatch.setattr(ec2, "await_osv", lambda *_: None)
    provider = provider_for(given, Home(tmp_path / "state"))
    made = inventories.load(provider.provision(given, "both", lambda _: None).inventory)
    [one] = [
        one
        for page in cloud.describe_instances()["Reservations"]
        for one in page["Instances"]
        if {"Key": "sparkbed:host", "Value": "driver"} in one["Tags"]
    ]
    driver = made.variables("driver")
    assert driver["ansible_host"] == one["PublicIpAddress"]
    assert driver["spark_address"] == one["PrivateIpAddress"], "no program can listen on the public one"
    provider.teardown("both", lambda _: None)
    assert left_of(cloud) == []
