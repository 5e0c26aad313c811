"""python-broadcast-w-bytes: random bytes, a block of 1 MiB repeated, are sent to every executor."""

import os

from sparkbed_application import run
from sparkbed_broadcast import OPTIONS, body, check

BLOCK = 1 << 20


def prepare(_context, options):
    size = options["broadcast-size"]
    return os.urandom(BLOCK) * (size // BLOCK) if size > BLOCK else os.urandom(size)


if __name__ == "__main__":
    run("python-broadcast-w-bytes", OPTIONS, prepare, body, check)
