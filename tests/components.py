"""What tests need of the machine beyond what `./inv` installs.

Where it is missing, the test is skipped with the reason and how to get it; where CI=true it fails, as a skipped test
there would look like a tested promise. A test whose rights do not suffice is not meant: it may skip.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers' programs are, which an ordinary user's PATH does not name."""


def missing(reason: str) -> NoReturn:
    """Skip the test that runs, or fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """The path of a program that a package of the distribution brings."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_FOLDERS}")
    if found is None:
        missing(f"there is no {name} on this machine: apt-get install {package}")
    return found


def ansible(name: str = "ansible-playbook") -> Path:
    """The path of a program of ansible-core's, or of ansible-lint's; both come with the test extra."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        missing(f"there is no {name} in {found.parent}: ./inv test installs the test extra")
    return found
