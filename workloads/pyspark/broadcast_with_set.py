"""python-broadcast-w-set: a set of whole numbers, one for each 32 of broadcast-size, is sent to every executor."""

from sparkbed_application import run
from sparkbed_broadcast import OPTIONS, body, check


def prepare(_context, options):
    return set(range(options["broadcast-size"] // 32))


if __name__ == "__main__":
    run("python-broadcast-w-set", OPTIONS, prepare, body, check)
