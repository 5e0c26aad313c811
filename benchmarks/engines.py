"""The engines that the playbook bench runs: ours, and its peers from a venv of their own."""

from __future__ import annotations

import getpass
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sshd import Hosts

from sparkbed.home import ROOT, Home

PEERS = ("ansible-core==2.19.*", "mitogen==0.3.*", "pyinfra==3.*")
"""2.19 is the series that the subset is checked against; mitogen 0.3.54 is the first 0.3 seen to work with 2.19.14."""
PLAYS = Path(__file__).resolve().parent / "playbooks"
SITE = PLAYS / "site.yml"


@dataclass(frozen=True)
class Engine:
    """A way to bring the hosts to the play's end state: a command, and what it needs in its environment."""

    name: str
    title: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Peers:
    """The peers' venv in the state folder, made at its first use."""

    def __init__(self, home: Home) -> None:
        self.folder = home.folder("bench") / "peers"

    def make(self) -> None:
        stamp = self.folder / "installed"
        if stamp.is_file() and stamp.read_text() == "\n".join(PEERS):
            return
        print(f"bench: installing the peers into {self.folder}: {', '.join(PEERS)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder)], check=True)
        pip = [self.program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS], check=True)
        stamp.write_text("\n".join(PEERS))

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def version(self, package: str) -> str:
        code = f"from importlib.metadata import version; print(version({package!r}))"
        asked = subprocess.run([self.program("python"), "-c", code], check=True, capture_output=True, text=True)
        return asked.stdout.strip()

    def mitogen_strategies(self) -> str:
        code = "import ansible_mitogen, os; print(os.path.dirname(ansible_mitogen.__file__))"
        asked = subprocess.run([self.program("python"), "-c", code], check=True, capture_output=True, text=True)
        return str(Path(asked.stdout.strip()) / "plugins" / "strategy")


NAMES = ("ours", "ansible", "pipelining", "mitogen", "pyinfra")


def engines(names: Sequence[str], hosts: Hosts, home: Home, forks: int) -> list[Engine]:
    """The engines of these names, ready to run on these hosts; writes their inventories beside the hosts."""
    made = []
    peers = Peers(home)
    if set(names) - {"ours"}:
        peers.make()
    for name in names:
        if name == "ours":
            made.append(_ours(hosts))
        elif name == "pyinfra":
            made.append(_pyinfra(hosts, peers))
        else:
            made.append(_ansible(name, hosts, peers, forks))
    return made


def _ours(hosts: Hosts) -> Engine:
    state = Home(hosts.folder / "state")
    (state.inventories / "bench.yml").write_text(hosts.inventory())
    command = [str(ROOT / "inv"), "play", str(SITE), "--inventory", "bench"]
    return Engine("ours", "sparkbed", command, {"SPARKBED_HOME": str(state.path)})


def _ansible(name: str, hosts: Hosts, peers: Peers, forks: int) -> Engine:
    inventory = hosts.folder / "ansible.yml"
    inventory.write_text(hosts.inventory())
    nothing = hosts.folder / "ansible.cfg"  # the user's own settings do not count
    nothing.touch()
    environment = {
        "ANSIBLE_CONFIG": str(nothing),
        "ANSIBLE_HOME": str(hosts.folder / "ansible"),
        "ANSIBLE_FORKS": str(forks),
    }
    version = peers.version("ansible-core")
    title = f"ansible-core {version}, {forks} forks"
    if name == "pipelining":
        environment["ANSIBLE_PIPELINING"] = "1"
        title = f"ansible-core {version}, {forks} forks, pipelining"
    if name == "mitogen":
        environment["ANSIBLE_STRATEGY_PLUGINS"] = peers.mitogen_strategies()
        environment["ANSIBLE_STRATEGY"] = "mitogen_linear"
        title = f"ansible-core {version}, {forks} forks, mitogen {peers.version('mitogen')}"
    command = [peers.program("ansible-playbook"), "-i", str(inventory), str(SITE)]
    return Engine(name, title, command, environment)


_PYINFRA_INVENTORY = """\
hosts = {hosts!r}
"""


def _pyinfra(hosts: Hosts, peers: Peers) -> Engine:
    entries = [
        (
            host.name,
            {
                "ssh_hostname": host.address,
                "ssh_port": host.port,
                "ssh_user": getpass.getuser(),
                "ssh_key": str(hosts.key),
                "ssh_known_hosts_file": str(hosts.known),
                "ssh_strict_host_key_checking": "yes",
                "root": str(host.tree),
                "role": hosts.variables(host)["role"],
                "leader": hosts.all[0].name,
            },
        )
        for host in hosts.all
    ]
    inventory = hosts.folder / "pyinfra_inventory.py"
    inventory.write_text(_PYINFRA_INVENTORY.format(hosts=entries))
    command = [peers.program("pyinfra"), "-y", str(inventory), str(PLAYS / "deploy.py")]
    return Engine("pyinfra", f"pyinfra {peers.version('pyinfra')}", command)
