"""What `inv play` loads before it can begin: the half of a second that each play would pay for."""

from __future__ import annotations

import subprocess
import sys


def test_inv_play_does_not_load_what_plays_do_not_need() -> None:
    code = "import sys, sparkbed.verbs.playing; print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert {"fabric", "jinja2", "yaml"} <= loaded
    assert not loaded & {"sqlalchemy", "alembic", "numpy", "scipy", "boto3", "moto", "rich", "matplotlib"}
    assert "urllib.request" not in loaded
