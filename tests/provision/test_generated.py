"""The generated inventory keeps what the given one says, wherever it says it."""

from __future__ import annotations

import shlex
from pathlib import Path

from sparkbed import inventory as inventories
from sparkbed.model import Machine
from sparkbed.provision.generated import ssh_arguments, write_inventory

HOSTS = """
all:
  children:
    spark:
      children:
        master: {hosts: {m: {role: first}}}
        workers: {hosts: {'w-[1:2]': , extra: }}
      vars: {cores: 1, greeting: "{{ role }} says 'hi'"}
    other:
      hosts: {extra: {cores: 9}}
  vars:
    provision: {provider: ec2, endpoint: local}
    memory: 1g
"""


def machine(name: str, folder: Path) -> Machine:
    return Machine(
        name,
        "127.64.0.4",
        2222,
        "me",
        folder / "key",
        folder / "known hosts",
        variables={"python": "/usr/bin/python3", "spark_home": "/opt/spark"},
    )


def test_groups_variables_and_files_beside_it_are_kept(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "group_vars" / "workers.yml").write_text("cores: 4\ndisks: [a, b]\n")
    (tmp_path / "group_vars" / "all.yml").write_text("memory: 2g\n")
    (tmp_path / "host_vars" / "w-2.yml").write_text("disks: [c]\n")
    path = tmp_path / "hosts.yml"
    path.write_text(HOSTS)
    given = inventories.load(path)
    (tmp_path / "out").mkdir()
    made_path = tmp_path / "out" / "generated.yml"
    write_inventory(given, [machine(name, tmp_path) for name in given.hosts], made_path)
    made = inventories.load(made_path)
    assert list(made.hosts) == list(given.hosts)
    assert {name: group.hosts for name, group in made.groups.items()} == {
        name: group.hosts for name, group in given.groups.items()
    }
    assert {name: group.children for name, group in made.groups.items()} == {
        name: group.children for name, group in given.groups.items()
    }
    for name in given.hosts:
        before = {key: value for key, value in given.variables(name).items() if key != "provision"}
        after = made.variables(name)
        assert {key: after[key] for key in before} == before
        assert after["ansible_python_interpreter"] == "/usr/bin/python3"
        assert after["spark_home"] == "/opt/spark"
        assert "provision" not in after
    assert made_path.stat().st_mode & 0o777 == 0o600


def test_ssh_arguments_stand_blanks_and_percent_signs() -> None:
    words = shlex.split(ssh_arguments(Path("/home/a b/100%/known")))
    assert words[:2] == ["-o", 'UserKnownHostsFile="/home/a b/100%%/known"']
    assert words[2:4] == ["-o", "StrictHostKeyChecking=yes"]


def test_what_the_inventory_says_of_spark_wins_over_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yml"
    path.write_text(HOSTS.replace("memory: 1g", "spark_home: /srv/spark-4\n    ansible_host: nowhere"))
    given = inventories.load(path)
    made_path = tmp_path / "generated.yml"
    write_inventory(given, [machine(name, tmp_path) for name in given.hosts], made_path)
    variables = inventories.load(made_path).variables("m")
    assert variables["spark_home"] == "/srv/spark-4"
    assert variables["ansible_host"] == "127.64.0.4"
