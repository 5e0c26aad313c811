"""Netns nodes where there can be none: who is not root, and what is not installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparkbed import inventory as inventories
from sparkbed.errors import HostError
from sparkbed.home import ROOT, Home
from sparkbed.provision import endpoint, provider_for
from sparkbed.provision.nodes import iproute, netns, openssh


def quiet(_: str) -> None:
    pass


def test_who_is_not_root_is_told_what_to_use_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    hosts = inventories.load(ROOT / "inventories" / "netns.yml")
    home = Home(tmp_path / "state")
    with pytest.raises(HostError) as caught:
        provider_for(hosts, home).provision(hosts, "none", quiet)
    assert "root only" in str(caught.value)
    assert "kind process need no root" in str(caught.value)
    assert endpoint.alive(home) is None, "nothing was started for it"


def test_a_missing_server_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ip", "nsenter", "unshare"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(iproute, "FOLDERS", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(HostError) as caught:
        netns.check()
    assert "sshd" in caught.value.what
    assert "apt-get install openssh-server" in str(caught.value)


def test_a_path_that_the_server_could_not_read_is_refused() -> None:
    assert openssh.path("/a b/50%") == '"/a b/50%%"'
    with pytest.raises(HostError, match="SSH server"):
        openssh.word('/a"b')
