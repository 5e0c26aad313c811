"""QEMU: how a machine is started, and whether this machine's KVM can be used for it."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sparkbed.provision.nodes.iproute import program
from sparkbed.provision.nodes.vm_images import Image, cache

PROGRAM, PACKAGE = "qemu-system-x86_64", "qemu-system-x86"
KVM = Path("/dev/kvm")
PROBE_DEADLINE = 10.0
"""Seconds for the probe boot: it takes less than one where KVM works."""
BOOTED = b"SPARKBED-BOOTED"
ACCELERATED = ("-accel", "kvm", "-cpu", "host")
EMULATED = ("-accel", "tcg,thread=multi", "-cpu", "max,la57=off")
KERNEL = "console=ttyS0 quiet net.ifnames=0 no_timer_check panic=-1 mitigations=off tsc=reliable"
"""On a busy machine an emulated kernel misses its timer's interrupts at the start and would panic, and then hang."""


def command(image: Image, words: Sequence[str], append: str, serial: Path) -> list[str]:
    """The command line of a machine with the image's kernel; `words` are the rest of it."""
    return [
        program(PROGRAM, PACKAGE),
        *("-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", f"{KERNEL} {append}".strip()),
        *("-serial", f"file:{escaped(serial)}", *words),
    ]


def escaped(path: Path) -> str:
    """A path as a value of QEMU's options, where commas come twice."""
    return str(path).replace(",", ",,")


def accelerator(image: Image) -> Sequence[str]:
    """KVM where a machine was seen to boot under it, else emulation. Seen once per kernel of this machine."""
    if not os.access(KVM, os.R_OK | os.W_OK):
        return EMULATED
    note = cache() / f"kvm-{platform.node()}-{platform.release()}"
    with contextlib.suppress(OSError):
        return ACCELERATED if note.read_text(encoding="ascii") == "works" else EMULATED
    works = _boots(image)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text("works" if works else "fails", encoding="ascii")
    return ACCELERATED if works else EMULATED


def _boots(image: Image) -> bool:
    """Whether a kernel reaches its first program under KVM. That /dev/kvm is there says nothing of it."""
    with tempfile.TemporaryDirectory(prefix="sparkbed-probe-") as folder:
        serial = Path(folder) / "serial"
        words = command(image, (*ACCELERATED, "-m", "256"), "sparkbed.probe", serial)
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PROBE_DEADLINE)
        return serial.exists() and BOOTED in serial.read_bytes()
