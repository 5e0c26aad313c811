"""What sort of interface a packet was counted at is the kernel's word, not a guess by its name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analysis.interfaces import interface_kind
from sparkbed.collectors import sampler
from sparkbed.collectors.host import totals

DEVICE = "device"
TREES = {
    # name: what lies in its folder of /sys/class/net, what its uevent says, and its kind
    "lo": ([], "", "loopback"),
    "enp3s0": ([DEVICE], "", "card"),
    "wlan0": ([DEVICE], "DEVTYPE=wlan", "card"),
    "enslaved": ([DEVICE, "master", "upper_bond0"], "", "card"),
    "bond0": (["bonding", "lower_enp3s0", "lower_enp4s0"], "DEVTYPE=bond", "veth"),
    "team0": (["lower_enp3s0"], "DEVTYPE=team", "veth"),
    "lonely": (["bonding"], "DEVTYPE=bond", "veth"),
    "eth0.100": (["lower_eth0"], "DEVTYPE=vlan", "veth"),
    "office": ([], "DEVTYPE=wireguard", "veth"),
    "macvlan0": (["lower_eth0"], "DEVTYPE=macvlan", "veth"),
    "lxcbr0": (["bridge", "lower_veth1"], "DEVTYPE=bridge", "bridge"),
    "podman0": (["bridge"], "DEVTYPE=bridge", "bridge"),
    "switch": (["bridge", "brif"], "DEVTYPE=bridge", "bridge"),
    "veth1": (["master", "upper_switch"], "", "veth"),
    "plugged": (["master", "upper_switch"], "", "veth"),
    "eth0": ([], "", "card"),  # a container's own end of its pair
}


@pytest.mark.parametrize("name", TREES)
def test_the_kernels_folder_tells(tmp_path: Path, name: str) -> None:
    entries, uevent, expected = TREES[name]
    for entry in entries:
        (tmp_path / name / entry).mkdir(parents=True)
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "uevent").write_text(f"{uevent}\nINTERFACE={name}\nIFINDEX=4\n")
    assert interface_kind(name, sampler.kind(name, str(tmp_path))) == expected


@pytest.mark.parametrize(
    "name", [name for name in TREES if name not in ("switch", "office", "lonely", "enslaved", "plugged")]
)
def test_where_the_kernel_was_not_asked_usual_names_tell(name: str) -> None:
    assert interface_kind(name) == TREES[name][2]


def test_another_namespaces_folder_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "lo").mkdir()
    (tmp_path / "lo" / "ifindex").write_text("77\n")
    assert not sampler.is_here("lo", str(tmp_path))
    assert not sampler.is_here("none-such", str(tmp_path))
    (tmp_path / "lo" / "ifindex").write_text("1\n")
    assert sampler.is_here("lo", str(tmp_path))


def test_totals_are_by_the_kinds_that_were_told() -> None:
    def line(moment: int, packets: int) -> bytes:
        net = {"switch": [0, 0, 0, packets], "eth0": [0, 0, 0, 2 * packets]}
        return json.dumps({"t": moment, "m": moment, "net": net, "kinds": {"switch": "bridge"}}).encode() + b"\n"

    found = {one.metric: one.value for one in totals(line(0, 0) + line(1, 5)) if one.metric.startswith("packets")}
    assert found == {"packets.host-bridge": 5.0, "packets.host-card": 10.0}


def test_real_interfaces_of_a_namespace_of_their_own(tmp_path: Path) -> None:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "mount"))):
        pytest.skip("needs root, unshare, and ip (packages util-linux and iproute2)")
    script = tmp_path / "make.sh"
    script.write_text(
        "set -e\nmount -t sysfs none /sys\nip link add name switch type bridge\n"
        "ip link add name pair type veth peer name eth0\nip link set pair master switch\n"
        f"exec {sys.executable} -S -E {sampler.__file__} --interval 0.1 </dev/null & watch=$!\n"
        "sleep 0.5\nkill $watch\nwait $watch\n"
    )
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", str(script)], capture_output=True, text=True, timeout=60
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("this system lets nobody make a network namespace")
    first = json.loads(done.stdout.splitlines()[0])
    kinds = {name: interface_kind(name, first["kinds"].get(name)) for name in first["net"]}
    assert kinds == {"lo": "loopback", "switch": "bridge", "pair": "veth", "eth0": "card"}
