"""Writes out what is dirty and has the kernel forget its cached file pages, directory entries and inodes.

Runs on the hosts, with Python 3.6 and later, as root or as a user whose sudo asks for no password. Prints one JSON
object: the bytes of files in memory `before` and `after`.
"""

# ruff: noqa: UP022  # as Python 3.6 has it

import json
import subprocess
import sys

SHELL = "sync && echo 3 > /proc/sys/vm/drop_caches"


def cached() -> int:
    """Bytes of files in memory that the kernel may forget, or write and forget (proc(5))."""
    with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return (sizes["Buffers"] + sizes["Cached"] - sizes.get("Shmem", 0)) * 1024


def drop() -> None:
    """Raises OSError with what stood in the way."""
    words = []
    for command in (["sh", "-c", SHELL], ["sudo", "-n", "sh", "-c", SHELL]):
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError:
            words.append(command[0] + " is not there")
            continue
        if done.returncode == 0:
            return
        words.append(done.stderr.decode("utf-8", "replace").strip().replace("\n", " "))
    raise OSError("; ".join(words))


def main() -> None:
    before = cached()
    try:
        drop()
    except OSError as problem:
        sys.exit(
            "only root may drop it, outside of containers, or a user whose sudo asks for no password (%s)" % problem  # noqa: UP031
        )
    print(json.dumps({"before": before, "after": cached()}))


if __name__ == "__main__":
    main()
