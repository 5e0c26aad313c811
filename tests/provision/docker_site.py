"""What tests with a Docker engine need: an image that is made in no time, and a look at what is there."""

from __future__ import annotations

import io
import re
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sparkbed.provision.nodes import images
from tests.components import program


def docker(*words: str, data: bytes | None = None) -> str:
    answer = subprocess.run(["docker", *words], input=data, capture_output=True, check=False)
    assert answer.returncode == 0, answer.stderr.decode()
    return answer.stdout.decode().strip()


@contextmanager
def sleeping_image() -> Iterator[str]:
    """An image that holds nothing but `/bin/sleep` and the libraries that it wants."""
    linked = subprocess.run(["ldd", "/bin/sleep"], capture_output=True, text=True, check=True).stdout
    files = ["/bin/sleep", *re.findall(r"(/\S+) \(0x", linked)]
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", dereference=True) as archive:
        for file in files:
            archive.add(Path(file), arcname=file.lstrip("/"))
    name = f"sparkbed-test:{secrets.token_hex(6)}"
    docker("import", "-", name, data=content.getvalue())
    try:
        yield name
    finally:
        docker("image", "rm", "--force", name)


def labelled(label: str) -> tuple[list[str], list[str]]:
    """The containers and the networks with a label, by name."""
    containers = docker("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}").split()
    return sorted(containers), sorted(
        docker("network", "ls", "--filter", f"label={label}", "--format", "{{.Name}}").split()
    )


@pytest.fixture(scope="session")
def node_image(docker_engine: object) -> str:
    """The image of container nodes."""
    program("mmdebstrap", "mmdebstrap")
    return images.ensure(lambda _: None)
