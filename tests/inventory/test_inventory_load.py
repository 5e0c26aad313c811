"""Reading inventories: variables with their places, and every kind of bad input with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparkbed.errors import DocumentError
from sparkbed.inventory import Inventory, load


def read(tmp_path: Path, text: str) -> Inventory:
    path = tmp_path / "hosts.yml"
    path.write_text(text)
    return load(path)


def test_hosts_keep_the_order_of_the_file(tmp_path: Path) -> None:
    inventory = read(tmp_path, "b:\n  hosts: {z: , 'w-[1:2]': }\na:\n  hosts: {c: , z: }\n")
    assert list(inventory.hosts) == ["z", "w-1", "w-2", "c"]
    assert inventory.groups_of("z") == ["all", "a", "b"]


def test_a_variable_knows_where_it_was_said(tmp_path: Path) -> None:
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "h.yml").write_text("\n\nb: 2\n")
    inventory = read(tmp_path, "g:\n  vars:\n    a: 1\n    b: 1\n  hosts: {h: }\n")
    assert inventory.variables("h") == {"a": 1, "b": 2}
    assert str(inventory.position_of("h", "a")) == f"{tmp_path / 'hosts.yml'}:3"
    assert str(inventory.position_of("h", "b")) == f"{tmp_path / 'host_vars' / 'h.yml'}:3"
    assert inventory.position_of("h", "c") is None


def test_templates_stay_text(tmp_path: Path) -> None:
    inventory = read(tmp_path, "g:\n  hosts:\n    h: {a: '{{ b }}'}\n")
    assert inventory.variables("h") == {"a": "{{ b }}"}


def test_learned_variables_lie_over_all_and_leave_the_old_inventory_alone(tmp_path: Path) -> None:
    before = read(tmp_path, "g:\n  hosts:\n    h: {ansible_host: there}\n    i:\n")
    after = before.with_host_variables("h", {"ansible_host": "127.1.2.3", "ansible_port": 22})
    assert after.variables("h") == {"ansible_host": "127.1.2.3", "ansible_port": 22}
    assert before.variables("h") == {"ansible_host": "there"}
    assert after.listing()["_meta"]["hostvars"]["h"]["ansible_port"] == 22
    assert after.variables("i") == {}


BAD = {
    "empty": ("", 1, "the inventory is empty"),
    "a list": ("- a\n", 1, "a mapping of groups, not a list"),
    "plugin": ("plugin: aws_ec2\n", 1, "inventory plugins aren't read"),
    "hosts as a list": ("g:\n  hosts:\n    - a\n    - b\n", 2, "'hosts' of group 'g' must be a mapping, not a list"),
    "children as a list": ("g:\n  children: [a]\n", 2, "'children' of group 'g' must be a mapping, not a list"),
    "vars as text": ("g:\n  vars: a=1\n", 2, "'vars' of group 'g' must be a mapping, not the text 'a=1'"),
    "vars as a list": ("g:\n  vars:\n  - a: 1\n", 2, "'vars' of group 'g' must be a mapping, not a list"),
    "unknown key": ("g:\n  hosts: {a: }\n  host: {b: }\n", 3, "group 'g' has no key 'host'"),
    "group as a list": ("all:\n  children:\n    g: [a]\n", 3, "group 'g' must be a mapping, not a list"),
    "group name": ("all:\n  children:\n    my-group:\n", 3, "'my-group' can't be the name of a group"),
    "group name a number": ("7:\n  hosts: {a: }\n", 1, "7 can't be the name of a group"),
    "host name a number": ("g:\n  hosts:\n    7:\n", 3, "the name of a host must be text, not the value 7"),
    "host name with a slash": ("g:\n  hosts:\n    ../x:\n", 3, "'../x' can't be the name of a host"),
    "host name with a blank": ("g:\n  hosts:\n    a b:\n", 3, "'a b' can't be the name of a host"),
    "host's values": ("g:\n  hosts:\n    a: 10.0.0.1\n", 3, "host 'a' must be a mapping, not the text '10.0.0.1'"),
    "variable name": ("g:\n  hosts:\n    a:\n      my-var: 1\n", 4, "'my-var' can't be the name of a variable"),
    "priority": ("g:\n  vars:\n    ansible_group_priority: high\n", 3, "ansible_group_priority must be a whole number"),
    "child of itself": ("g:\n  children:\n    g:\n", 3, "group 'g' can't be a child of 'g'"),
    "loop": ("a:\n  children:\n    b:\nb:\n  children:\n    c:\n      children:\n        a:\n", 6, "a child of 'b'"),
    "all as a child": ("a:\n  children:\n    all:\n", 3, "group 'all' can't be a child of 'a'"),
    "range without end": ("g:\n  hosts:\n    'w-[1:]':\n", 3, "the host range [1:] has no last"),
    "range backwards": ("g:\n  hosts:\n    'w-[4:1]':\n", 3, "the host range [4:1] begins after its end"),
    "letters backwards": ("g:\n  hosts:\n    'w-[d:a]':\n", 3, "begins after its end"),
    "range of one": ("g:\n  hosts:\n    'w-[4]':\n", 3, "must have a first and a last"),
    "range mixed": ("g:\n  hosts:\n    'w-[1:f]':\n", 3, "between two numbers or between two letters"),
    "range digits": ("g:\n  hosts:\n    'w-[01:100]':\n", 3, "the same number of digits"),
    "range step": ("g:\n  hosts:\n    'w-[1:9:0]':\n", 3, "a whole number above 0 as its step"),
    "range open": ("g:\n  hosts:\n    'w-[1:9':\n", 3, "a '[' without a ']'"),
    "range closed": ("g:\n  hosts:\n    'w-1:9]':\n", 3, "a ']' without a '['"),
    "range too large": ("g:\n  hosts:\n    'w-[1:99999999]':\n", 3, "stands for more than"),
    "ranges too large": ("g:\n  hosts:\n    'w-[1:9999]-[1:9999]':\n", 3, "stands for more than"),
    "duplicate": ("g:\n  hosts:\n    a:\n    a:\n", 4, "key 'a' stands twice"),
    "not YAML": ("g:\n  hosts: {a: \n", 3, "not valid YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inventory_is_named_by_file_and_line(case: str, tmp_path: Path) -> None:
    text, line, words = BAD[case]
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, text)
    assert words in caught.value.what
    assert str(caught.value.where) == f"{tmp_path / 'hosts.yml'}:{line}"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("group_vars/g.yml", "- a\n", "a mapping of names to values"),
        ("host_vars/a.yml", "$ANSIBLE_VAULT;1.1;AES256\n3132\n", "vault files aren't read here"),
        ("host_vars/a/x.yml", "a: 1\na: 2\n", "key 'a' stands twice"),
    ],
)
def test_bad_file_of_variables(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    with pytest.raises(DocumentError, match=words) as caught:
        read(tmp_path, "g:\n  hosts: {a: }\n")
    assert str(caught.value.where).startswith(f"{tmp_path / name}:")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no such file"):
        load(tmp_path / "nowhere.yml")
