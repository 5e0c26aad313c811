"""Platform osv on real QEMU, which boots images that are no OSv."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cluster_site import Site

from sparkbed.errors import PlatformError
from sparkbed.home import ROOT
from sparkbed.platforms.base import ClusterSpec
from sparkbed.platforms.osv import OsvPlatform
from sparkbed.remote import Connections
from tests.components import program
from tests.platforms.osv_place import Place, resolved

pytestmark = pytest.mark.soak


def test_an_image_that_is_no_osv_ends_with_its_console_and_leaves_nothing(
    site: Site, connections: Connections, tmp_path: Path
) -> None:
    """Real QEMU: its command line is accepted, and it boots what it is given."""
    program("qemu-system-x86_64", "qemu-system-x86")
    image = tmp_path / "a, b.qcow2"
    subprocess.run([program("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", image, "16M"], check=True)
    before = image.read_bytes()
    # No driver is started, so nothing listens on an address that is nobody's.
    place = Place(site, connections, {"m": {"spark_address": "192.0.2.1"}})
    with pytest.raises(
        PlatformError, match=r"no OSv answers at http://127[0-9.]*:8000 after 5 s; the end of"
    ) as failed:
        place.start(
            osv_image=str(image), osv_memory="600m", executor_memory="512m", osv_accelerator="tcg", start_timeout=5
        )
    assert "w1: no OSv answers" in str(failed.value)
    assert "w2: no OSv answers" in str(failed.value)
    assert "iPXE" in str(failed.value), "what the guest showed"
    assert place.left() == []
    assert image.read_bytes() == before, "the guest writes to an overlay"
    with pytest.raises(PlatformError, match=r"(?s)w1: QEMU has ended; the end of its console .*Could not open"):
        place.start(osv_image=str(tmp_path / "none"), osv_accelerator="tcg", start_timeout=60)
    assert place.left() == []
    asked = ClusterSpec("unikernel", {"osv_image": str(tmp_path / "none")}, place.inventory, 2)
    with pytest.raises(PlatformError, match=r"there is no image .*/none that can be read"):
        OsvPlatform().require([asked], place.runner)


def test_its_playbooks_run_under_both_engines(site: Site, engine: Any, tmp_path: Path) -> None:
    program("qemu-system-x86_64", "qemu-system-x86")
    image = tmp_path / "blank.qcow2"
    subprocess.run([program("qemu-img", "qemu-utils"), "create", "-q", "-f", "qcow2", image, "16M"], check=True)
    playbooks, name = ROOT / "playbooks" / "osv", {"cluster_name": "unikernel"}
    asked = {
        **resolved(osv_image=str(image), osv_memory="600m", executor_memory="512m", osv_accelerator="tcg"),
        **name,
        "start_timeout": 1,
    }
    assert engine.play(playbooks / "require.yml", {"osv_image": str(image)}).ok
    started = engine.play(playbooks / "start.yml", asked)
    assert "no OSv answers" in started.failures["w1"].result["stderr"]
    assert "no OSv answers" in started.failures["w2"].result["stderr"]
    forwards = {host: (site.folders[host] / "cluster-unikernel" / "qemu.sh").read_text() for host in ("w1", "w2")}
    for host, text in forwards.items():
        address = site.inventory.variables(host)["ansible_host"]
        assert f",hostfwd=tcp:{address}:8000-:8000,hostfwd=tcp:{address}:7079-:7079 " in text
    folder = site.folders["m"] / "cluster-unikernel"
    assert f"file={asked['osv_local_dir']}/sparkbed-{{{{APP_ID}}}}-{{{{EXECUTOR_ID}}}}.gc.log" in (
        (folder / "conf" / "spark-defaults.conf").read_text()
    )
    assert list(site.folders["m"].glob("osv-*.jar"))
    assert engine.play(playbooks / "stop.yml", name).ok
    assert not folder.exists()
    again = engine.play(playbooks / "stop.yml", name)
    assert again.ok
    assert not any(one.changed for one in again.recap.values())
