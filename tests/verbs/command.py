"""The real command line, in a process of its own, on a state folder that a test has filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ID = "quick-20261120-101500-ab"
"""The campaign that made_up.py makes."""


def inv(
    home: Path, *words: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`./inv WORDS` with SPARKBED_HOME at `home`, run in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "sparkbed", *words],
        cwd=folder or home,
        env={**os.environ, "SPARKBED_HOME": str(home), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
