"""A double of QEMU that runs OSv: the double of an instance answers where a port is forwarded to 8000."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.platforms.osv_double import Instance, served


def program(folder: Path) -> Path:
    """The double as a program, in `folder`."""
    path = folder / "qemu-system-x86_64"
    path.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({__file__!r}, run_name='__main__')\n")
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    found = re.search(r"hostfwd=tcp:([0-9.]+):([0-9]+)-:8000", " ".join(sys.argv))
    assert found, sys.argv
    with (
        tempfile.TemporaryDirectory(prefix="osv-") as folder,  # TMPDIR is the cluster's
        served(Instance(Path(folder), found[1], int(found[2]))) as instance,
    ):
        print(f"double of an image {sys.argv}", flush=True)
        instance.off.wait()
