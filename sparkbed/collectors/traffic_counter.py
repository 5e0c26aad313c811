"""Counts the packets that one host sends to itself at 127.0.0.1, by a rule of the kernel's packet filter.

Runs on the hosts behind `lifetime.py`, as root: Python 3.6 and later, and iptables. What PySpark's JVMs and Python
workers tell each other goes by that address, and Spark's own traffic by the host's address in the cluster, so this
tells the two apart where both go over the loopback interface. The rule has no target: it counts and does nothing.
Prints one JSON object: `packets` and `bytes`. The rule goes with the program; one that was killed outright leaves its
rule to the next, which knows it by the comment.
"""

# ruff: noqa: PTH110, UP021, UP022, UP031  # as Python 3.6 has it, and quick to start

import json
import os
import re
import signal
import subprocess
import sys

TYPE_CHECKING = False  # as in `typing`, which is slow to load
if TYPE_CHECKING:
    from sparkbed.collectors.lifetime import wanted

MARK = "sparkbed-traffic-"


def deaf() -> None:
    """An agent ends all descendants at once: one of these that died half way would leave the rule, or keep it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def iptables(*words: str) -> str:
    done = subprocess.run(
        ["iptables", "--wait", "30", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        preexec_fn=deaf,
    )
    if done.returncode != 0:
        raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "iptables failed")
    return done.stdout


def rule(mark: str) -> "list[str]":
    address = "127.0.0.1/32"
    return ["OUTPUT", "-o", "lo", "-s", address, "-d", address, "-m", "comment", "--comment", mark]


def remove_orphans() -> None:
    """Rules whose program is gone."""
    for pid in set(re.findall(MARK + r"(\d+)", iptables("-S", "OUTPUT"))):
        if not os.path.exists("/proc/%s" % pid):
            iptables("-D", *rule(MARK + pid))


def main() -> None:
    mark, parent = "%s%d" % (MARK, os.getpid()), os.getppid()
    try:
        remove_orphans()
        iptables("-I", *rule(mark))
    except OSError as problem:
        sys.exit("packets can't be counted by address: %s" % problem)
    try:
        while wanted(60.0, parent):
            pass
        listed = iptables("-n", "-v", "-x", "-L", "OUTPUT")
    finally:
        iptables("-D", *rule(mark))
    line = next(line for line in listed.splitlines() if mark in line)
    packets, size = line.split()[:2]
    print(json.dumps({"packets": int(packets), "bytes": int(size)}))


if __name__ == "__main__":
    main()
