"""`inv import-spark-perf`."""

from __future__ import annotations

import shlex
from pathlib import Path

from sparkbed.errors import UsageError
from sparkbed.replacing import write_whole
from sparkbed.spark_perf import read_config, suite_of


def import_spark_perf(config: str, output: str) -> None:
    """Write a suite with the choices of a spark-perf configuration, and say what is not in it."""
    if not config:
        raise UsageError("which configuration?", hint="For example: ./inv import-spark-perf config/config.py")
    source = Path(config)
    target = Path(output or f"{source.stem}.yml")
    read = read_config(source)
    text, notes = suite_of(read)
    if target.exists():
        raise UsageError(f"{target} is there already", hint="Remove it, or name another file with --output.")
    write_whole(target, text)
    print(f"{len(read.tests)} tests of {', '.join(read.enabled)} read from {source}, without running it")
    for note in notes:
        print(f"  {note}")
    print(f"Suite: {target}")
    print(f"Next: ./inv plan {shlex.quote(str(target))}")
