"""Virtual machines: what is chosen for them, and what is said where there can be none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from sparkbed.errors import HostError
from sparkbed.provision.nodes import iproute, qemu, vm, vm_images
from sparkbed.provision.nodes.base import NodeSpec


def image(folder: Path) -> vm_images.Image:
    return vm_images.Image(folder / "disk.raw", folder / "kernel", folder / "initrd")


def test_a_missing_qemu_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iproute, "FOLDERS", str(tmp_path))
    with pytest.raises(HostError) as caught:
        vm.check()
    assert "apt-get install qemu-system-x86" in str(caught.value)


def test_that_kvm_is_there_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe's machine does not boot: it is emulated then, and asked no more."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(qemu, "KVM", tmp_path / "kvm")
    assert qemu.accelerator(image(tmp_path)) == qemu.EMULATED, "there is none"
    (tmp_path / "kvm").touch()
    tried: list[Path] = []

    def boots(image: vm_images.Image) -> bool:
        tried.append(image.kernel)
        return False

    monkeypatch.setattr(qemu, "_boots", boots)
    assert qemu.accelerator(image(tmp_path)) == qemu.EMULATED
    assert qemu.accelerator(image(tmp_path)) == qemu.EMULATED
    assert tried == [tmp_path / "kernel"]


def test_a_machine_that_boots_under_kvm_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(qemu, "KVM", tmp_path / "kvm")
    (tmp_path / "kvm").touch()
    monkeypatch.setattr(qemu, "_boots", lambda _: True)
    assert [qemu.accelerator(image(tmp_path)) for _ in range(2)] == [qemu.ACCELERATED] * 2


def test_the_images_name_tells_what_it_is_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    name = vm_images.name()
    assert name == vm_images.name()
    monkeypatch.setattr(vm_images, "PACKAGES", (*vm_images.PACKAGES, "more"))
    assert vm_images.name() != name


def test_modules_come_after_those_that_they_need() -> None:
    needs = {
        "kernel/virtio_net.ko": "kernel/net_failover.ko kernel/failover.ko kernel/virtio.ko",
        "kernel/net_failover.ko": "kernel/failover.ko",
        "kernel/failover.ko": "",
        "kernel/virtio.ko": "",
        "kernel/other.ko": "",
    }
    order = [Path(one).stem for one in vm_images._in_order(needs)]
    assert sorted(order) == ["failover", "net_failover", "virtio", "virtio_net"]
    assert order.index("failover") < order.index("net_failover") < order.index("virtio_net")


def test_a_machines_keys_are_its_owners_alone() -> None:
    spec = NodeSpec("i-1", "10.1.2.4", 22, Path("/nowhere"), "i-1@home", "PRIVATE", "ssh-ed25519 AAAA")
    with tarfile.open(fileobj=io.BytesIO(vm._handed_over(spec))) as archive:
        modes = {member.name: member.mode for member in archive.getmembers()}
    assert modes["etc/ssh/ssh_host_ed25519_key"] == modes["root/.ssh/authorized_keys"] == 0o600
    assert modes["root/.ssh"] == 0o700
