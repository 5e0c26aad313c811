"""Node kind `vm`: a virtual machine of QEMU's with a kernel and a system of its own, and OpenSSH's server.

As root it stands at the state folder's switch, as netns nodes do. Without root QEMU's own network stands between: the
node's address is a loopback address at which QEMU listens, and the machine reaches others through this one.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sparkbed.errors import HostError
from sparkbed.provision.nodes import marked, namespaces, openssh, qemu, vm_images
from sparkbed.provision.nodes.banner import greets
from sparkbed.provision.nodes.base import MARKER, Node, NodeSpec
from sparkbed.provision.nodes.iproute import FOLDERS, ip, program
from sparkbed.provision.nodes.switch import BRIDGE, Switch, hardware_address

BOOT_DEADLINE = 120.0
"""Seconds until the server of a machine answers: some 5 where nothing else runs, many more on a busy machine."""
TRIES = 2
MEMORY = 1 << 30
"""Bytes of a machine's memory where `provision` says nothing."""
USER_NETWORK = ("10.0.2.15/24", "10.0.2.2")
"""Address and gateway inside QEMU's own network."""

SERVER = f"""\
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
{openssh.COMMON}\
Subsystem sftp internal-sftp
SetEnv {{marker}} LANG=C.UTF-8
"""


class VmNodes:
    """All vm nodes of a state folder."""

    name = "vm"

    def __init__(self, switch: Switch) -> None:
        self._switch = switch if os.geteuid() == 0 else None
        self.port: int | None = 22 if self._switch else None
        self._machines: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._asked_for = False

    def network(self, current: str | None) -> str | None:
        check()
        self._asked_for = True
        return self._switch.network(current) if self._switch else None

    def start(self, spec: NodeSpec) -> Node:
        try:
            if not marked.carrying(spec.marker):
                self._boot(spec)
            else:
                self._await_server(spec)
        except (HostError, OSError) as error:
            self._end(spec.marker, spec.instance_id, spec.folder)
            if isinstance(error, HostError):
                raise
            raise HostError(f"node {spec.instance_id} can't be made: {error}") from error
        return Node(spec.instance_id, spec.address, spec.port, "root", spec.folder, spec.marker, shares=False)

    def _boot(self, spec: NodeSpec) -> None:
        """A machine that answers; one that did not is ended, and another is tried."""
        for attempt in range(1, TRIES + 1):
            self._launch(spec)
            try:
                self._await_server(spec)
                return
            except HostError:
                if attempt == TRIES:
                    raise
                self._end(spec.marker, spec.instance_id, spec.folder)

    def _launch(self, spec: NodeSpec) -> None:
        image = vm_images.ensure(lambda _: None)
        folder = spec.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "seed.tar").touch(0o600)
        (folder / "seed.tar").write_bytes(_handed_over(spec))
        overlay = ("create", "-q", "-f", "qcow2", "-b", str(image.disk), "-F", "raw", str(folder / "disk.qcow2"))
        made = subprocess.run([program("qemu-img", "qemu-utils"), *overlay], check=False, capture_output=True)
        if made.returncode:
            raise HostError(f"no disk could be made in {folder}: {made.stderr.decode('utf-8', 'replace').strip()}")
        if self._switch is None:
            inside, gateway = USER_NETWORK
            self._start(spec, image, (), f"user,id=n0,hostfwd=tcp:{spec.address}:{spec.port}-:22", inside, gateway)
            return
        with self._switch.attaching(spec.address) as gateway:
            port, namespace = namespaces.port_of(spec.marker), self._switch.namespace
            ip(
                *("-n", namespace),
                lines=(f"tuntap add dev {port} mode tap", f"link set {port} master {BRIDGE} up"),
            )
            enter = (program("nsenter", "util-linux"), f"--net=/run/netns/{namespace}")
            network = f"tap,id=n0,ifname={port},script=no,downscript=no"
            self._start(spec, image, enter, network, f"{spec.address}/24", gateway)

    def _start(
        self, spec: NodeSpec, image: vm_images.Image, enter: Sequence[str], network: str, address: str, gateway: str
    ) -> None:
        folder, limits = spec.folder, spec.limits
        hostname = f"ip-{spec.address.replace('.', '-')}"
        words = (
            *qemu.accelerator(image),
            *("-smp", str(math.ceil(limits.cpus or 1)), "-m", f"{(limits.memory or MEMORY) >> 20}M"),
            *("-drive", f"file={qemu.escaped(folder / 'disk.qcow2')},if=none,id=d0,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=d0"),
            *("-drive", f"file={qemu.escaped(folder / 'seed.tar')},if=none,id=d1,format=raw,readonly=on"),
            *("-device", "virtio-blk-pci,drive=d1"),
            *("-netdev", network, "-device", f"virtio-net-pci,netdev=n0,mac={hardware_address(spec.address)}"),
            *("-device", "virtio-rng-pci"),
        )
        append = f"sparkbed.address={address} sparkbed.gateway={gateway} sparkbed.hostname={hostname}"
        with (folder / "qemu.log").open("ab") as log:
            machine = subprocess.Popen(
                [*enter, *qemu.command(image, words, append, folder / "serial.log")],
                env={"PATH": FOLDERS, "LANG": "C.UTF-8", "TMPDIR": str(folder), MARKER: spec.marker},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        with self._lock:
            self._machines[spec.instance_id] = machine

    def _await_server(self, spec: NodeSpec) -> None:
        deadline = time.monotonic() + BOOT_DEADLINE
        machine = self._machines.get(spec.instance_id)
        while not greets(spec.address, spec.port):
            ended = machine.poll() is not None if machine else not marked.carrying(spec.marker)
            if ended or time.monotonic() > deadline:
                what = "ended as it started" if ended else f"did not answer within {BOOT_DEADLINE:.0f} s"
                raise HostError(f"the machine of {spec.instance_id} ({spec.address}) {what}: {_said(spec.folder)}")
            time.sleep(0.1)

    def stop(self, node: Node) -> None:
        self._end(node.marker, node.instance_id, node.folder)

    def _end(self, marker: str, instance_id: str, folder: Path) -> None:
        remaining = marked.end(marker, grace=1.0)
        with self._lock:
            machine = self._machines.pop(instance_id, None)
        if machine:
            machine.wait()
        if self._switch:
            namespaces.end(marker)  # its port at the switch
            self._switch.free()
        shutil.rmtree(folder, ignore_errors=True)
        if remaining:
            pids = ", ".join(str(process.pid) for process in remaining)
            raise HostError(f"the machine of node {instance_id} can't be ended: {pids}", hint="See `ps -o stat,wchan`.")

    def close(self) -> None:
        if self._asked_for and self._switch:
            self._switch.free()


def check() -> None:
    """Whether there can be such nodes here.

    Raises:
        HostError: when not; it names what is missing and its package.
    """
    for name, package in ((qemu.PROGRAM, qemu.PACKAGE), ("qemu-img", "qemu-utils")):
        program(name, package)


def _said(folder: Path) -> str:
    """The last words of QEMU and of the machine's console."""
    said = ""
    for name in ("qemu.log", "serial.log"):
        with contextlib.suppress(OSError):
            said += (folder / name).read_text(encoding="utf-8", errors="replace")
    return " ".join(said.split("\n")[-4:]).strip() or "it says nothing"


def _handed_over(spec: NodeSpec) -> bytes:
    """What makes the machine this node, as a tar archive that is its second disk."""
    name = f"ip-{spec.address.replace('.', '-')}"
    files = {
        "etc/ssh/sparkbed_config": (SERVER.format(marker=openssh.word(f"{MARKER}={spec.marker}")), 0o644),
        "etc/ssh/ssh_host_ed25519_key": (spec.host_key, 0o600),
        "etc/hosts": (f"127.0.0.1 localhost\n{spec.address} {name}\n", 0o644),
        "etc/hostname": (f"{name}\n", 0o644),
        "root/.ssh/authorized_keys": (f"{spec.authorized_key}\n", 0o600),
    }
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
        for path, (text, mode) in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(data), mode, int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()
