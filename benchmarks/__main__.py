"""Runs one benchmark, as `inv bench` has it: `python benchmarks NAME --rounds 5 ...`.

Who interrupts one knows why: what it had started is cleared up, and no traceback follows.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    script = Path(__file__).with_name(f"{sys.argv[1]}.py")
    sys.argv = [str(script), *sys.argv[2:]]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except KeyboardInterrupt:
        sys.exit(130)
