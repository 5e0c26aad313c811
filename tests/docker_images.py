"""The images of clusters in containers, made by what start.yml runs on a host."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import yaml

from sparkbed.home import ROOT

DEFAULTS: dict[str, Any] = yaml.safe_load((ROOT / "playbooks/docker/settings.yml").read_text())


def make_image(spark: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """The script as it ended; 580 s are enough to give a registry up and to make the base from packages."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates" / "docker"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = lambda value: shlex.quote(str(value))
    values = {
        **DEFAULTS,
        "spark_version": "",
        "own_spark_dir": spark,
        "java_dir": "/opt/java",
        "python_path": "/usr/bin/python3",
        **settings,
    }
    script = environment.get_template("image.sh.j2").render(values)
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=580, check=False)
