"""The image of nodes that are virtual machines: disk, kernel and a small initrd, from the distribution's packages.

It lies in a folder of the user's cache that is named by a digest of its recipe, so it is made once, and anew when the
recipe changes. Nodes write to overlays of their own; nothing writes to the image.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sparkbed.provision.nodes import mmdebstrap
from sparkbed.provision.nodes.iproute import program
from sparkbed.provision.nodes.mmdebstrap import LEFT_OUT

PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "iproute2",
    "linux-image-cloud-amd64",
    "openjdk-17-jre-headless",
    "openssh-server",
    "procps",
    "python3",
    "python3-venv",
    "sudo",
)
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "ext4")
"""What the kernel needs to find its disk and its network; those that are built in are no files."""
SIZE = 4 << 30
"""Bytes of the disk; the file is sparse."""

FIRST = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
if /bin/busybox grep -q sparkbed.probe /proc/cmdline; then
    echo SPARKBED-BOOTED >/dev/ttyS0
    /bin/busybox poweroff -f
fi
for module in MODULES; do /bin/busybox insmod "/modules/$module"; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox mount --move /dev /root/dev
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /sbin/sparkbed-init
"""
"""/init of the initrd."""

SECOND = """\
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/sshd
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
for word in $(cat /proc/cmdline); do
    case $word in
        sparkbed.address=*) address=${word#*=} ;;
        sparkbed.gateway=*) gateway=${word#*=} ;;
        sparkbed.hostname=*) echo "${word#*=}" >/proc/sys/kernel/hostname ;;
    esac
done
tar -xf /dev/vdb -C / # what makes it this node: keys, configuration
ip link set lo up
ip address add "$address" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
exec /usr/sbin/sshd -D -e -f /etc/ssh/sparkbed_config
"""
"""The first program of the system. The server takes its place, as on netns nodes: it collects what others leave."""


@dataclass(frozen=True)
class Image:
    """The files of an image."""

    disk: Path
    kernel: Path
    initrd: Path


def cache() -> Path:
    """The folder where images are kept, the user's own."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparkbed" / "vm"


def name() -> str:
    recipe = (PACKAGES, LEFT_OUT, MODULES, SIZE, FIRST, SECOND, _release())
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]


def ensure(say: Callable[[str], None]) -> Image:
    """The image, once it is there; `say` is told when it has to be made.

    Raises:
        HostError: when a program is missing, or a package can't be had.
    """
    folder = cache() / name()
    image = Image(folder / "disk.raw", folder / "kernel", folder / "initrd")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            say(f"making the image of vm nodes in {folder}, once (some minutes)")
            with tempfile.TemporaryDirectory(prefix="new-", dir=folder.parent) as new:
                _make(Path(new))
                Path(new).chmod(0o755)
                Path(new).rename(folder)
                Path(new).mkdir()  # for the context manager to remove
    return image


def _make(folder: Path) -> None:
    mke2fs = program("mke2fs", "e2fsprogs")
    folder.chmod(0o711)  # where mmdebstrap is not root, its root is another user than we are
    disk, parts = folder / "disk.raw", folder / "parts.tar"
    for path in (disk, parts):
        path.touch()
        path.chmod(0o666)
    with disk.open("r+b") as file:
        file.truncate(SIZE)
    init = folder / "sparkbed-init"
    init.write_text(SECOND, encoding="ascii")
    hooks = (
        f"upload {init} /sbin/sparkbed-init",
        'chmod 755 "$1"/sbin/sparkbed-init',
        # The server's package makes host keys as it is installed; all nodes would share them.
        'rm "$1"/etc/ssh/ssh_host_*',
        f'tar -C "$1" -cf {parts} boot usr/lib/modules bin/busybox usr/bin/busybox 2>/dev/null || test -s {parts}',
        # A bind over itself, which is not recursive: /proc and the like, mounted there meanwhile, are no part of it.
        f'unshare --mount sh -ec \'mount --bind "$1" "$1"; {mke2fs} -q -t ext4 -F -d "$1" {disk}\' sh "$1"',
    )
    words = (
        *("--quiet", "--variant=minbase", "--format=null", f"--include={','.join(PACKAGES)}"),
        *(f"--dpkgopt=path-exclude=/usr/share/{left}/*" for left in LEFT_OUT),
        '--essential-hook=mkdir -p "$1/usr/share/man/man1"',  # Java's package puts links there
        *(f"--customize-hook={hook}" for hook in hooks),
        *(_release(), "-"),
    )
    mmdebstrap.make("the image of vm nodes", words)
    _take_apart(parts, folder)
    parts.unlink()
    init.unlink()
    disk.chmod(0o644)


def _take_apart(parts: Path, folder: Path) -> None:
    """Kernel and initrd, from the archive of what they are made of."""
    with tarfile.open(parts) as archive:
        names = archive.getnames()
        kernel = next(one for one in names if one.startswith("boot/vmlinuz-"))
        _copy(archive, kernel, folder / "kernel")
        busybox = next(one for one in names if one.endswith("bin/busybox") and archive.getmember(one).isfile())
        root = f"usr/lib/modules/{kernel.removeprefix('boot/vmlinuz-')}"
        dependencies = dict(
            line.split(":", 1) for line in _read(archive, f"{root}/modules.dep").decode("ascii").splitlines()
        )
        wanted = list(_in_order(dependencies))
        init = FIRST.replace("MODULES", " ".join(Path(one).name for one in wanted))
        files = {
            "bin/busybox": (_read(archive, busybox), 0o755),
            "init": (init.encode("ascii"), 0o755),
            **{f"modules/{Path(one).name}": (_read(archive, f"{root}/{one}"), 0o644) for one in wanted},
        }
    (folder / "initrd").write_bytes(gzip.compress(cpio(files, ("bin", "dev", "modules", "proc", "root")), 1))


def _in_order(dependencies: Mapping[str, str]) -> Iterator[str]:
    """The files of MODULES, each after those that it needs."""
    seen: set[str] = set()

    def visit(file: str) -> Iterator[str]:
        if file not in seen:
            seen.add(file)
            for needed in reversed(dependencies[file].split()):
                yield from visit(needed)
            yield file

    for module in MODULES:
        for file in dependencies:
            if Path(file).name.split(".")[0].replace("-", "_") == module:
                yield from visit(file)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)
    assert content is not None, name
    return content.read()


def _copy(archive: tarfile.TarFile, name: str, to: Path) -> None:
    content = archive.extractfile(name)
    assert content is not None, name
    with to.open("wb") as file:
        shutil.copyfileobj(content, file)


def cpio(files: Mapping[str, tuple[bytes, int]], folders: Iterable[str]) -> bytes:
    """An archive as the kernel unpacks it (the format called newc): `files` have content and mode."""
    entries = [(folder, b"", 0o040755) for folder in folders]
    entries += [(name, content, 0o100000 | mode) for name, (content, mode) in files.items()]
    packed = bytearray()
    for number, (name, content, mode) in enumerate([*entries, ("TRAILER!!!", b"", 0)], 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
        packed += bytes(-len(packed) % 4) + content
        packed += bytes(-len(packed) % 4)
    return bytes(packed)


def _release() -> str:
    """This machine's, if it is a Debian: PACKAGES are Debian's names."""
    return mmdebstrap.release("debian")
