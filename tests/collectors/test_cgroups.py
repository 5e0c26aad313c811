"""A container's CPU, memory and disk are found in cgroups of either version, wherever they are mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.collectors.container_sampler import cgroups, counters

PID = 42
GROUP = "/docker/abc"

MOUNTS = {
    "v1": """\
30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory
32 24 0:28 / /sys/fs/cgroup/blkio rw shared:11 - cgroup cgroup rw,blkio
""",
    "v2": "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
    "elsewhere": "30 24 0:26 / /somewhere/else rw - cgroup2 none rw\n",
    # CPU time on version 1, the rest on version 2.
    "hybrid": """\
30 24 0:26 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw
31 24 0:27 / /sys/fs/cgroup/cpuacct rw shared:10 - cgroup cgroup rw,cpuacct
""",
    # As a container sees it that has its own part of the tree mounted.
    "a part": "30 24 0:26 /docker /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}

CGROUP = {
    "v1": f"4:blkio:{GROUP}\n3:memory:{GROUP}\n2:cpu,cpuacct:{GROUP}\n1:name=systemd:{GROUP}\n",
    "hybrid": f"2:cpuacct:{GROUP}\n0::{GROUP}\n",
}

V2 = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
    "memory.current": "4096\n",
    # A disk, a volume of LVM on it, and a loop device: the bytes of the three are the same ones.
    "io.stat": "8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n"
    "253:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=0 dios=0\n7:0 rbytes=100 wbytes=0 rios=1 wios=0\n\n",
}
V1_DISK = (
    "8:0 Read 100\n8:0 Write 200\n8:0 Sync 300\n8:0 Total 300\n253:0 Read 100\n253:0 Write 200\n"
    "253:0 Total 300\n7:0 Read 100\nTotal 700\n"
)
FILES = {
    "v1": {
        f"sys/fs/cgroup/cpu,cpuacct{GROUP}/cpuacct.usage": "1500000000\n",
        f"sys/fs/cgroup/memory{GROUP}/memory.usage_in_bytes": "4096\n",
        f"sys/fs/cgroup/blkio{GROUP}/blkio.throttle.io_service_bytes": V1_DISK,
    },
    "v2": {f"sys/fs/cgroup{GROUP}/{name}": text for name, text in V2.items()},
    "elsewhere": {f"somewhere/else{GROUP}/{name}": text for name, text in V2.items()},
    "hybrid": {
        f"sys/fs/cgroup/cpuacct{GROUP}/cpuacct.usage": "1500000000\n",
        f"sys/fs/cgroup/unified{GROUP}/memory.current": "4096\n",
        f"sys/fs/cgroup/unified{GROUP}/io.stat": V2["io.stat"],
    },
    "a part": {f"sys/fs/cgroup/abc/{name}": text for name, text in V2.items()},
}
NET = """\
Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo:  100       1    0    0    0     0          0         0   200       2    0    0    0     0       0          0
"""


@pytest.mark.parametrize("system", list(MOUNTS))
def test_a_containers_counters(tmp_path: Path, system: str) -> None:
    files = {
        "proc/self/mountinfo": "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + MOUNTS[system],
        f"proc/{PID}/cgroup": CGROUP.get(system, f"0::{GROUP}\n"),
        f"proc/{PID}/net/dev": NET,
        "sys/dev/block/8:0/size": "1\n",
        "sys/dev/block/253:0/slaves/sda/size": "1\n",
        "sys/dev/block/7:0/loop/backing_file": "/x\n",
        **FILES[system],
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert counters(PID, "net:[1]", cgroups(PID, str(tmp_path)), str(tmp_path)) == {
        "namespace": "net:[1]",
        "net": {"lo": [100, 1, 200, 2]},
        "cpu": 1_500_000_000,
        "memory": 4096,
        "disk": [100, 200],
    }


def test_what_a_system_does_not_have_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "proc" / str(PID) / "net").mkdir(parents=True)
    (tmp_path / "proc" / str(PID) / "net" / "dev").write_text(NET)
    found = counters(PID, "", cgroups(PID, str(tmp_path)), str(tmp_path))
    assert found == {"namespace": ""}
    assert counters(PID + 1, "", {}, str(tmp_path)) is None
