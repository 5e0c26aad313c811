"""The images of clusters in containers, made by what start.yml runs on a host."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

from sparkbed.home import ROOT
from tests.templates import templates_in

DEFAULTS: dict[str, Any] = yaml.safe_load((ROOT / "playbooks/docker/settings.yml").read_text())


def make_image(spark: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """The script as it ended; 580 s are enough to give a registry up and to make the base from packages."""
    values = {
        **DEFAULTS,
        "spark_version": "",
        "own_spark_dir": spark,
        "java_dir": "/opt/java",
        "python_path": "/usr/bin/python3",
        **settings,
    }
    script = templates_in(ROOT / "templates" / "docker").get_template("image.sh.j2").render(values)
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=580, check=False)
