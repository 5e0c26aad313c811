"""Boots that fail: a second is tried, and then there is nothing left. The machine is a program in QEMU's place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sparkbed.errors import HostError
from sparkbed.provision import keys
from sparkbed.provision.nodes import iproute, marked, vm, vm_images
from sparkbed.provision.nodes.base import NodeSpec
from sparkbed.provision.nodes.switch import Switch
from sparkbed.provision.nodes.vm import VmNodes
from tests.provision.test_process_nodes import wait_until

MACHINE = """#!{python}
import re, socket, sys, time
from pathlib import Path
boots = Path({boots!r})
number = len(boots.read_text()) if boots.exists() else 0
boots.write_text("." * (number + 1))
if {fails!r} == "exits" and number == 0:
    sys.exit("no room for a machine")
if {fails!r} == "hangs":
    time.sleep(300)
address, port = re.search(r"hostfwd=tcp:([0-9.]+):([0-9]+)-", " ".join(sys.argv)).groups()
server = socket.create_server((address, int(port)))
while True:
    guest, _ = server.accept()
    guest.sendall(b"SSH-2.0-stand-in\\r\\n")
"""
PORT = 24322


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[VmNodes, NodeSpec]]:
    """Vm nodes of somebody without root, and what one is to be, where boots fail in this way."""

    def made(fails: str) -> tuple[VmNodes, NodeSpec]:
        programs = tmp_path / "bin"
        programs.mkdir()
        qemu = MACHINE.format(python=sys.executable, boots=str(tmp_path / "boots"), fails=fails)
        for name, text in (("qemu-system-x86_64", qemu), ("qemu-img", "#!/bin/sh\n")):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        monkeypatch.setattr(iproute, "FOLDERS", str(programs))
        monkeypatch.setattr(vm.os, "geteuid", lambda: 1000)
        image = vm_images.Image(tmp_path / "disk.raw", tmp_path / "kernel", tmp_path / "initrd")
        monkeypatch.setattr(vm_images, "ensure", lambda _: image)
        monkeypatch.setattr(vm.qemu, "KVM", tmp_path / "none")
        spec = NodeSpec(
            "i-1",
            "127.61.7.4",
            PORT,
            tmp_path / "node",
            f"i-1@{tmp_path.name}",
            keys.make_pair().private,
            "ssh-ed25519 A",
        )
        return VmNodes(Switch("unused")), spec

    return made


def test_a_machine_that_did_not_boot_is_ended_and_another_is_tried(
    machines: Callable[[str], tuple[VmNodes, NodeSpec]], tmp_path: Path
) -> None:
    nodes, spec = machines("exits")
    node = nodes.start(spec)
    assert (tmp_path / "boots").read_text() == ".."
    assert len(marked.carrying(spec.marker)) == 1
    nodes.stop(node)
    assert marked.carrying(spec.marker) == []
    assert not spec.folder.exists()


def test_after_the_second_it_is_told_and_nothing_is_left(
    machines: Callable[[str], tuple[VmNodes, NodeSpec]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = tmp_path / "boots"
    nodes, spec = machines("hangs")
    launched = VmNodes._launch

    def launch(self: VmNodes, spec: NodeSpec) -> None:
        before = len(boots.read_text()) if boots.exists() else 0
        launched(self, spec)
        wait_until(lambda: boots.exists() and len(boots.read_text()) > before, "it has started")

    monkeypatch.setattr(VmNodes, "_launch", launch)
    monkeypatch.setattr(vm, "BOOT_DEADLINE", 0.3)
    with pytest.raises(HostError, match=r"the machine of i-1 \(127\.61\.7\.4\) did not answer within 0 s"):
        nodes.start(spec)
    assert boots.read_text() == "." * vm.TRIES == ".."
    assert marked.carrying(spec.marker) == []
    assert not spec.folder.exists()
