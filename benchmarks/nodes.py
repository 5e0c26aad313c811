"""What making nodes through the EC2 API costs: from the call to a login, beside the bare cost of each kind.

    ./inv bench nodes --rounds 5
    ./inv bench nodes -- --kinds process,netns --sizes 16,64

Ours is what `inv provision` does for hosts that are missing: the request to the local endpoint (which runs already),
its nodes, the waiter, and a login to each host with the known key. Bare is the least that gives as many SSH servers of
that kind at addresses of their own, eight at a time, and the same logins:

- process: asyncssh servers on loopback addresses, started in a process that has asyncssh loaded;
- netns: `ip netns add`, a veth to a bridge that is there, an address, and OpenSSH's server in the namespace;
- container: `docker run` of the image of our container nodes, on a network that is there.

The API is what no tool that asks moto by boto3 can do without: RunInstances for as many hosts with tags and user data
like ours, and one look at them, by boto3 alone from moto alone in a process of its own. Our part is what ours takes
beyond bare and API, as a share of ours.

All three run in turn in one process, round by round; the side that begins moves on. A round of each is not counted.
Times are from the request (bare: from the first command) to the last login. What is left out of all: keys, images,
networks and the end of the nodes.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3

from sparkbed import inventory as inventories
from sparkbed.home import Home
from sparkbed.model import Machine
from sparkbed.provision import keys, local_provider, provider_for, tags
from sparkbed.provision.nodes import containers, images, iproute, namespaces, netns, openssh, private_networks, switch
from sparkbed.provision.nodes.iproute import ip
from sparkbed.provision.reach import log_in
from sparkbed.provision.user_data import cloud_config

KINDS = ("process", "netns", "container")
AT_ONCE = 8
"""How many nodes the endpoint makes at once, and so the bare ways."""
LOGINS = 16
"""How many logins the provider makes at once."""
DEADLINE = 60.0

SERVERS = """
import asyncio, sys
import asyncssh
from sparkbed.provision.nodes.process import KEX
KEX = list(KEX)

async def session(process):
    process.exit(0)

async def serve(count, port, key, authorized):
    accept = asyncssh.import_authorized_keys(open(authorized).read())
    for number in range(count):
        await asyncssh.listen(f"127.62.{number // 250}.{number % 250 + 1}", port, server_host_keys=[key],
                              authorized_client_keys=accept, process_factory=session, backlog=100,
                              kex_algs=KEX, compression_algs=None)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

print("loaded", flush=True)
count, port, key, authorized = sys.stdin.readline().split()
asyncio.run(serve(int(count), int(port), key, authorized))
"""
PORT = 24222
MOTO = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0)
server.start()  # which says so on a line of its own
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.readline()
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--sizes", default="1,4,16,64", help="nodes at once; containers are left out above 16")
    options = parser.parse_args()
    kinds, sizes = options.kinds.split(","), [int(size) for size in options.sizes.split(",")]
    if options.rounds < 1 or not set(kinds) <= set(KINDS) or min(sizes) < 1 or max(sizes) > 64:
        parser.error(f"--rounds is 1 or more, --kinds are of {', '.join(KINDS)}, --sizes are of 1 to 64")
    print(
        f"{'nodes':>15} {'ours s':>8} {'bare s':>8} {'API s':>8}  ours / bare (smallest to largest round)"
        "   our part   whole provision s"
    )
    with tempfile.TemporaryDirectory(prefix="sparkbed-bench-") as folder, Bench(Path(folder)) as bench:
        for kind in kinds:
            for size in sizes:
                if kind != "container" or size <= 16:
                    print(compared(bench, kind, size, options.rounds), flush=True)
    return 0


def compared(bench: Bench, kind: str, size: int, rounds: int) -> str:
    """One row of the table."""
    ours: list[float] = []
    whole: list[float] = []
    bare: list[float] = []
    api: list[float] = []
    for number in range(rounds + 1):
        sides: list[Callable[[], None]] = [
            lambda: _both(bench.ours(kind, size), ours, whole),
            lambda: bare.append(bench.bare(kind, size)),
            lambda: api.append(bench.api(size)),
        ]
        first = number % len(sides)
        for side in sides[first:] + sides[:first]:
            side()
    del ours[0], whole[0], bare[0], api[0]
    ratios = sorted(a / b for a, b in zip(ours, bare, strict=True))
    middle, least, asked = (statistics.median(each) for each in (ours, bare, api))
    return (
        f"{size:>4} {kind:<10} {middle:>8.3f} {least:>8.3f} {asked:>8.3f}  "
        f"{middle / least:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}){'':16} {(middle - least - asked) / middle:9.0%} "
        f"{statistics.median(whole):9.3f}"
    )


def _both(pair: tuple[float, float], first: list[float], second: list[float]) -> None:
    first.append(pair[0])
    second.append(pair[1])


class Bench:
    """A state folder with an endpoint that runs, and what the bare ways need."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._home = Home(folder / "state")
        self._pair = keys.client_pair(self._home)
        self._host = keys.make_pair()
        self._id = secrets.token_hex(6)

    def __enter__(self) -> Bench:
        # One node keeps the endpoint from ending between rounds.
        self._provision("process", 1, "kept")
        self._moto = subprocess.Popen(
            [sys.executable, "-c", MOTO],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._moto.stdout
        self._moto.stdout.readline()
        self._ec2 = boto3.client(
            "ec2",
            "eu-central-1",
            endpoint_url=self._moto.stdout.readline().strip(),
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106 - moto takes any
        )
        self._image = self._ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        (self._folder / "host_key").touch(0o600)
        (self._folder / "host_key").write_text(self._host.private)
        (self._folder / "authorized_keys").write_text(f"{self._pair.public}\n")
        (self._folder / "authorized_keys").chmod(0o600)
        return self

    def __exit__(self, *_: object) -> None:
        with self._moto:
            self._moto.communicate("\n")
        provider = local_provider(self._home)
        for deployment in sorted({row.deployment for row in provider.status()}):
            provider.teardown(deployment, _quiet)

    def _provision(self, kind: str, size: int, name: str) -> tuple[Machine, ...]:
        path = self._folder / f"{name}.yml"
        path.write_text(
            f"all:\n  hosts: {{'n-[1:{size}]': }}\n"
            f"  vars: {{provision: {{provider: ec2, endpoint: local, node: {kind}}}}}\n"
        )
        hosts = inventories.load(path)
        return provider_for(hosts, self._home).provision(hosts, name, _quiet).machines

    def ours(self, kind: str, size: int) -> tuple[float, float]:
        """Seconds from the request to the last login, and of the whole call."""
        began = time.perf_counter()
        machines = self._provision(kind, size, "measured")
        whole = time.perf_counter() - began
        local_provider(self._home).teardown("measured", _quiet)
        return max(machine.timings["ssh"] for machine in machines), whole

    def api(self, size: int) -> float:
        """Seconds of one RunInstances and one DescribeInstances by boto3 from moto."""
        marks = {"Name": "measured", **tags.host_tags([f"n-{number}" for number in range(1, size + 1)])}
        marks |= {f"sparkbed:bench-{number}": secrets.token_hex(16) for number in range(6)}
        listed = [{"Key": name, "Value": value} for name, value in marks.items()]
        began = time.perf_counter()
        made = self._ec2.run_instances(
            ImageId=self._image,
            InstanceType="t3.small",
            MinCount=size,
            MaxCount=size,
            ClientToken=secrets.token_hex(16),
            UserData=cloud_config(self._host, None, None),
            BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"Encrypted": True, "VolumeSize": 8}}],
            TagSpecifications=[{"ResourceType": kind, "Tags": listed} for kind in ("instance", "volume")],
        )["Instances"]
        ids = [one["InstanceId"] for one in made]
        self._ec2.describe_instances(InstanceIds=ids)
        seconds = time.perf_counter() - began
        self._ec2.terminate_instances(InstanceIds=ids)
        return seconds

    def bare(self, kind: str, size: int) -> float:
        with {"process": self._processes, "netns": self._namespaces, "container": self._containers}[kind](size) as made:
            return made

    def _log_in(self, addresses: Sequence[str], port: int, user: str) -> None:
        """A login to each, tried again until its server answers, as the provider's are once it does."""
        known = self._folder / "known_hosts"
        keys.write_known_hosts(known, [(address, port, self._host.public) for address in addresses])

        def attempt(address: str) -> None:
            _greeted(address, port)
            log_in(Machine(address, address, port, user, keys.client_key(self._home), known), DEADLINE)

        with ThreadPoolExecutor(max_workers=LOGINS) as pool:
            list(pool.map(attempt, addresses))

    @contextmanager
    def _processes(self, size: int) -> Iterator[float]:
        words = [sys.executable, "-c", SERVERS]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as servers:
            assert servers.stdin
            assert servers.stdout
            assert servers.stdout.readline() == "loaded\n"
            began = time.perf_counter()
            files = self._folder / "host_key", self._folder / "authorized_keys"
            servers.stdin.write(f"{size} {PORT} {files[0]} {files[1]}\n")
            servers.stdin.flush()
            assert servers.stdout.readline() == "ready\n"
            self._log_in([f"127.62.{number // 250}.{number % 250 + 1}" for number in range(size)], PORT, "anybody")
            yield time.perf_counter() - began
            servers.stdin.write("\n")

    @contextmanager
    def _namespaces(self, size: int) -> Iterator[float]:
        base = switch.Switch(self._id)
        network = base.network(None).removesuffix(".0/24")
        addresses = [f"{network}.{number + 4}" for number in range(size)]
        servers: list[subprocess.Popen[bytes]] = []

        def make(address: str) -> None:
            marker = f"{address}@{self._id}"
            name, port = namespaces.of_node(marker), namespaces.port_of(marker)
            ip("netns", "add", name)
            hardware = ("address", switch.hardware_address(address))
            ip(
                *("link", "add", port, "netns", base.namespace),
                "type",
                "veth",
                "peer",
                "eth0",
                *hardware,
                "netns",
                name,
            )
            ip("-n", base.namespace, "link", "set", port, "master", switch.BRIDGE, "up")
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            configuration = self._folder / f"{address}.conf"
            configuration.write_text(self._server(address))
            words = [
                iproute.program("ip", "iproute2"),
                "netns",
                "exec",
                name,
                iproute.program("sshd", "openssh-server"),
            ]
            silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            servers.append(subprocess.Popen([*words, "-D", "-f", str(configuration)], **silent))

        try:
            began = time.perf_counter()
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                list(pool.map(make, addresses))
            self._log_in(addresses, 22, "root")
            yield time.perf_counter() - began
        finally:
            for server in servers:
                server.kill()
                server.wait()
            for address in addresses:
                namespaces.end(f"{address}@{self._id}")
            base.free()

    def _server(self, address: str) -> str:
        return netns.SERVER.format(
            address=address,
            host_key=openssh.word(str(self._folder / "host_key")),
            authorized_keys=openssh.path(str(self._folder / "authorized_keys")),
            marker=openssh.word("BENCH=1"),
            temporary="",
        ).replace("PidFile none\n", "PidFile none\nStrictModes no\n")

    @contextmanager
    def _containers(self, size: int) -> Iterator[float]:
        image, name = images.ensure(_quiet), f"sparkbed-bench-{self._id}"
        network = next(one for one in private_networks.choices(name) if not private_networks.routed(one))
        containers.docker("network", "create", "--subnet", network, "--label", f"sparkbed.bench={self._id}", name)
        addresses = [f"{network.rpartition('.')[0]}.{number + 4}" for number in range(size)]
        configuration = self._folder / "container.conf"
        configuration.write_text(
            "HostKey /bench/host_key\nAuthorizedKeysFile /bench/authorized_keys\nStrictModes no\n" + openssh.COMMON
        )
        mount = f"type=bind,source={self._folder},target=/bench,readonly"
        script = "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -f /bench/container.conf"

        def make(address: str) -> None:
            words = ("--network", name, "--ip", address, "--label", f"sparkbed.bench={self._id}", "--mount", mount)
            containers.docker("run", "--detach", *words, image, "sh", "-c", script)

        try:
            began = time.perf_counter()
            with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
                list(pool.map(make, addresses))
            self._log_in(addresses, 22, "root")
            yield time.perf_counter() - began
        finally:
            made = [one.id for one in containers.containers(f"sparkbed.bench={self._id}")]
            if made:
                containers.docker("rm", "--force", "--volumes", *made)
            containers.docker("network", "rm", name)


def _greeted(address: str, port: int) -> None:
    from sparkbed.provision.nodes.banner import greets

    end = time.monotonic() + DEADLINE
    while not greets(address, port):
        if time.monotonic() > end:
            raise RuntimeError(f"no SSH server answers at {address} port {port}")
        time.sleep(0.01)


def _quiet(_: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
