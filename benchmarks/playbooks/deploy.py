"""What site.yml does, in pyinfra's words: the same 21 steps and 2 handlers, the same trees at the end.

pyinfra has no `rescue`, no `creates` and no handlers; facts, `_if` and `_ignore_errors` say the same.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.facts.files import Directory
from pyinfra.operations import files, server

HERE = Path(__file__).resolve().parent
SERVICE = "sparkbed-bench"
NEIGHBOURS = [
    {"name": "alpha", "address": "10.0.0.1"},
    {"name": "beta", "address": "10.0.0.2"},
    {"name": "gamma", "address": "10.0.0.3"},
]
DATA = {"service": SERVICE, "memory": "2g", "neighbours": NEIGHBOURS, "inventory_hostname": host.name}

root, role, leader = host.data.root, host.data.role, host.data.leader
assert len(root) > 1
etc = f"{root}/etc"


def template(name: str, path: str, mode: str) -> object:
    source = str(HERE / "templates" / f"{name}.j2")
    return files.template(
        name=f"Template {name}",
        src=source,
        dest=path,
        mode=mode,
        jinja_env_kwargs={"trim_blocks": True},
        role=role,
        **DATA,
    )


for folder in ("etc", "bin", "data", "log"):
    files.directory(name=f"Make {folder}", path=f"{root}/{folder}", mode="755")
files.put(
    name="Write the message of the day",
    src=StringIO(f"{SERVICE} on {host.name}\n"),
    dest=f"{etc}/motd",
    mode="644",
)
files.put(
    name="Install the start script", src=str(HERE / "files" / "start.sh"), dest=f"{root}/bin/start.sh", mode="755"
)
configured = [template(name, f"{etc}/{name}", "644") for name in ("service.conf", "environment.sh")]
primary = [template("primary.conf", f"{etc}/primary.conf", "600")] if role == "primary" else []
files.link(name="Point to the current configuration", path=f"{root}/current", target="etc")
for one in NEIGHBOURS:
    files.line(
        name=f"Know the neighbour {one['name']}",
        path=f"{etc}/hosts",
        line=f"^.* {one['name']}$",
        replace=f"{one['address']} {one['name']}",
    )
server.shell(name="Look at the message of the day", commands=[f"stat {etc}/motd"])
if not host.get_fact(Directory, path=f"{root}/data/initialized"):
    server.shell(name="Initialize the data once", commands=[f"mkdir {root}/data/initialized"])
server.shell(name="Count the neighbours", commands=[f"cat {etc}/hosts | wc -l"])
server.shell(name="Look for leftovers", commands=[f"grep -c leftover {etc}/motd || [ $? -eq 1 ]"])
upgraded = server.shell(name="Try the upgrade", commands=[f"test -e {root}/upgrade"], _ignore_errors=True)
files.put(
    name="Note that there was none",
    src=StringIO("no upgrade\n"),
    dest=f"{root}/log/upgrade",
    mode="644",
    _if=upgraded.did_error,
)
files.put(name="Note that we looked", src=StringIO("looked\n"), dest=f"{root}/log/looked", mode="644")
server.shell(
    name="Wait for the configuration",
    commands=[f"for i in $(seq 30); do test -e {etc}/service.conf && exit 0; sleep 1; done; exit 1"],
)
server.shell(name="Ask one host for all", commands=[f"cat {etc}/motd"], _run_once=True)
server.shell(name="Wait for the data", commands=[f"test -d {root}/data/initialized"], _retries=3, _retry_delay=1)
files.put(
    name="Write the summary",
    src=StringIO(f"{len(NEIGHBOURS)} neighbours, led by {SERVICE} on {leader}\n"),
    dest=f"{root}/summary",
    mode="644",
)
server.shell(
    name="Restart the service",
    commands=[f"echo restarted >> {root}/log/service"],
    _if=lambda: any(one.did_change() for one in configured),
)
if primary:
    server.shell(
        name="Reload the service",
        commands=[f"echo reloaded >> {root}/log/service"],
        _if=lambda: any(one.did_change() for one in primary),
    )
