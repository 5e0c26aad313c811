"""The image of nodes that are containers: a small system with an SSH server, made from the distribution's packages."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from sparkbed.provision.nodes import containers, mmdebstrap

PACKAGES = ("ca-certificates", "iproute2", "openssh-server", "procps", "python3", "python3-venv", "sudo")
RECIPE = (
    "--quiet",
    "--variant=minbase",
    f"--include={','.join(PACKAGES)}",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in mmdebstrap.LEFT_OUT),
    # The server's package makes host keys as it is installed; all nodes would share them.
    '--customize-hook=rm "$1"/etc/ssh/ssh_host_*',
)
"""What `mmdebstrap` is told, besides the release and where to put it."""
LABEL = "sparkbed.image=node"

_one_at_a_time = threading.Lock()


def name() -> str:
    """The image's name; its tag is a digest of all that it is made from."""
    digest = hashlib.sha256(repr((RECIPE, _release(), LABEL)).encode()).hexdigest()
    return f"sparkbed-node:{digest[:12]}"


def ensure(say: Callable[[str], None]) -> str:
    """The image's name, once it is there; `say` is told when it has to be made.

    Raises:
        HostError: when there is no engine, no mmdebstrap, or a package can't be had.
    """
    image = name()
    with _one_at_a_time:
        if not containers.docker("image", "ls", "--quiet", image).strip():
            say(f"making {image}, once (a minute or so)")
            _make(image)
    return image


def _make(image: str) -> None:
    with tempfile.TemporaryDirectory(prefix="sparkbed-image-") as folder:
        archive = Path(folder) / "root.tar"  # first a file: half an archive must not become an image
        mmdebstrap.make(f"the image of container nodes ({image})", (*RECIPE, _release(), str(archive)))
        containers.docker("import", "--change", f"LABEL {LABEL}", str(archive), image)


def _release() -> str:
    """The one that this machine runs, so that its programs run in the image too."""
    return mmdebstrap.release("debian", "ubuntu")
