"""What the modules of packages, services and users make of texts; what they do to a machine is in tests/system/."""

from __future__ import annotations

import pytest

from sparkbed.agent import Agent
from sparkbed.agent.host.apt_status import Wanted
from sparkbed.agent.host.framing import Failed
from sparkbed.agent.host.pip import meets
from sparkbed.agent.host.systemd import properties
from sparkbed.agent.host.user import looks_hashed
from sparkbed.playbook import modules


@pytest.mark.parametrize(
    ("version", "specifiers", "within"),
    [
        ("1.0", "", True),
        ("1.0", "==1.0", True),
        ("1.0", "==1", True),
        ("1.0", "==1.0.1", False),
        ("1.10", ">=1.9", True),
        ("1.10", ">=1.9,<2", True),
        ("2.0", ">=1.9,<2", False),
        ("1.4.9", "~=1.4.2", True),
        ("1.5", "~=1.4.2", False),
        ("1.5", "~=1.4", True),
        ("1.4.9", "==1.4.*", True),
        ("1.4.9", "!=1.4.*", False),
        ("1.4.9", "!=1.4.8", True),
        ("1.0rc1", "==1.0rc1", True),
        ("1.0rc1", "==1.0", False),
        ("1.0", "nonsense", False),
    ],
)
def test_python_versions(version: str, specifiers: str, within: bool) -> None:
    assert meets(version, specifiers) is within


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("bash", ("bash", "", "")),
        ("bash=5.*", ("bash", "=", "5.*")),
        ("bash>=1:5.2-1+b1", ("bash", ">=", "1:5.2-1+b1")),
        ("libc6:i386", ("libc6:i386", "", "")),
    ],
)
def test_package_specs(spec: str, parts: tuple[str, str, str]) -> None:
    wanted = Wanted(spec)
    assert (wanted.name, wanted.relation, wanted.version) == parts


@pytest.mark.parametrize("spec", ["--purge", "a=1=2", "=1"])
def test_what_is_no_package(spec: str) -> None:
    with pytest.raises(Failed):
        Wanted(spec)


def test_unit_properties_over_several_lines() -> None:
    text = "Id=a.service\nDescription={ begins only\nExecStart={ path=/x ;\n  argv[]=/x }\n"
    text += "ExecStop={ path=/y }\nnoise\nA=b=c\n"
    assert properties(text) == {
        "Id": "a.service",
        "Description": "{ begins only",
        "ExecStart": "{ path=/x ;\n  argv[]=/x }",
        "ExecStop": "{ path=/y }",
        "A": "b=c",
    }


@pytest.mark.parametrize(
    ("password", "hashed"),
    [
        ("*", True),
        ("!", True),
        ("$6$salt$" + "a" * 86, True),
        ("$6$salt$" + "a" * 85, False),
        ("$y$j9T$salt$" + "a" * 43, True),
        ("secret", False),
        ("se$cr:et", False),
    ],
)
def test_what_crypt_may_have_made(password: str, hashed: bool) -> None:
    assert looks_hashed(password) is hashed


def test_no_message_shows_a_password_of_the_wrong_type() -> None:
    for message, _ in modules.check_arguments(modules.SPECS["user"], {"name": "x", "password": ["S3cret"]}):
        assert "S3cret" not in message
        break
    else:
        pytest.fail("a list was taken for a password")


@pytest.mark.parametrize(
    ("module", "args", "said"),
    [
        ("package", {"name": ["x"], "use": "dnf"}, "managed by dnf"),
        ("service", {"name": "sparkbed-none", "state": "started", "use": "openrc"}, "openrc"),
        ("service", {"name": "sparkbed-none", "state": "started", "use": "service"}, "sparkbed-none"),
        ("group", {"name": "sparkbed-none", "non_unique": True}, "gid"),
        ("user", {"name": "sparkbed-none", "password": "a:b"}, "no colon"),
        ("pip", {"name": ["x"], "state": "latest", "version": "1"}, "incompatible"),
        ("pip", {"name": ["--index-url=x"]}, "extra_args"),
    ],
)
def test_refused_on_the_host(local_agent: Agent, module: str, args: dict[str, object], said: str) -> None:
    """In check mode: nothing here may touch the machine that runs the tests."""
    result = local_agent.call(module, [args], check=True)[0]
    assert result["failed"]
    assert said in result["msg"]


def test_check_mode_foretells_users_and_groups(local_agent: Agent) -> None:
    for module in ("user", "group"):
        assert local_agent.call(module, [{"name": "sparkbed-none"}], check=True) == [{"changed": True}]
        gone = local_agent.call(module, [{"name": "sparkbed-none", "state": "absent"}], check=True)[0]
        assert gone["changed"] is False
