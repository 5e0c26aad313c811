"""The contract of a way of exchanging a dataset between two processes, and what the ways share.

A way is a Sender and a Receiver, each in a process of its own. Outside the time, in this order: receiver.offer(),
sender.reach(offer), receiver.meet(); then, before every exchange, both before(); after it, both after(). In the time:
sender.send() and receiver.receive(). With `fresh` what an exchange needs (connection, file, mapping, buffer) is made in
the time; otherwise before it, and its memory has been touched.
"""

import contextlib
import os
import socket
import struct
from dataclasses import dataclass

import numpy as np

MASK = (1 << 64) - 1
LENGTH = struct.Struct("<Q")


class Broken(Exception):
    """The exchange can't go on; the text says why."""


@dataclass(frozen=True)
class Plan:
    """What both sides know.

    `size` and `chunk` are bytes. `folder` is the working folder, the same for both sides; `name` is this launch's own.
    `address` is where the receiver listens; empty: its own host name's. `in_memory`: files lie in /dev/shm.
    """

    way: str
    size: int
    fresh: bool
    chunk: int
    folder: str
    name: str
    address: str
    in_memory: bool
    seed: int

    @property
    def path(self):
        """The file of ways that have one."""
        return os.path.join("/dev/shm" if self.in_memory else self.folder, self.name)  # noqa: PTH118, S108 - tmpfs is meant


class Sender:
    """The sending side. `data` is the dataset: uint8, shape (size,), in memory of this process alone."""

    def __init__(self, plan, data):
        self.plan, self.data = plan, data

    def reach(self, offer):
        """Reach the receiver by what it offered."""
        raise NotImplementedError

    def before(self):
        """Make ready for one exchange."""

    def send(self):
        """Send the dataset."""
        raise NotImplementedError

    def after(self):
        """Give back what one exchange made."""

    def close(self):
        """Give everything back that the system would keep when this process ends."""


class Receiver:
    """The receiving side."""

    def __init__(self, plan):
        self.plan = plan

    def offer(self):
        """Make what the sender needs to reach this side, and say it: plain JSON."""
        raise NotImplementedError

    def meet(self):
        """Called when the sender has reached this side."""

    def before(self):
        """Make ready for one exchange; wipe what is left of an earlier one, so that it can't pass for a new one."""

    def receive(self):
        """Wait for the dataset, and return the sum over every byte of it (see `Sum`)."""
        raise NotImplementedError

    def received(self):
        """The dataset as it lies here: uint8, shape (size,). Valid until after()."""
        raise NotImplementedError

    def after(self):
        """Give back what one exchange made."""

    def close(self):
        """Give everything back that the system would keep when this process ends."""


class Sum:
    """The sum over a dataset, taken piece by piece as it arrives.

    All whole 8-byte words as unsigned little-endian numbers, then the remaining bytes, modulo 2**64: every byte is
    read, at the speed of memory.
    """

    def __init__(self, data):
        self._data = data
        self._words = data[: len(data) // 8 * 8].view("<u8")
        self._done = 0
        self._total = 0

    def upto(self, end):
        """Read on up to byte `end`; words that are not whole yet wait for the next call."""
        words = end // 8
        if words > self._done:
            self._total += int(np.add.reduce(self._words[self._done : words]))
            self._done = words

    def whole(self):
        """Read the rest, and return the sum."""
        self.upto(len(self._data))
        return (self._total + int(self._data[len(self._words) * 8 :].sum(dtype=np.uint64))) & MASK


def fill(read_into, data, chunk):
    """Fill `data` by `read_into(memoryview) -> bytes read`, at most `chunk` at a time; the sum over it.

    What has just come is read at once, while the processor's cache still holds it.
    """
    total, view, end = Sum(data), memoryview(data), 0
    while end < len(data):
        read = read_into(view[end : end + chunk])
        if not read:
            raise Broken(f"the data ended after {end} of {len(data)} bytes")
        end += read
        total.upto(end)
    return total.whole()


def fill_whole(read_into, view):
    """Fill `view` by `read_into(memoryview) -> bytes read`."""
    end = 0
    while end < len(view):
        read = read_into(view[end:])
        if not read:
            raise Broken(f"the data ended after {end} of {len(view)} bytes")
        end += read


def write_all(descriptor, view, offset=None):
    """Write all of `view`: Linux takes at most 2 GB in one call."""
    done = 0
    while done < len(view):
        rest = view[done:]
        done += os.write(descriptor, rest) if offset is None else os.pwrite(descriptor, rest, offset + done)


def touched(size):
    """Memory of this process that the kernel has given already: uint8, shape (size,)."""
    made = np.empty(size, np.uint8)
    made.fill(0)
    return made


def listen(address):
    """A TCP socket that listens on `address`, or on that of this host's name."""
    return socket.create_server((address or socket.gethostbyname(socket.gethostname()), 0))


def prompt(connection):
    """Small messages on this TCP connection are not held back."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


class Doorbell:
    """How one side tells the other how many bytes lie ready: numbers over a Unix socket in the working folder."""

    def __init__(self, name):
        self._name = name + ".bell"
        self._server = self._connection = None

    def hang(self):
        """Receiver: make it."""
        self._server = unix_server(self._name)

    def take(self):
        """Receiver: the sender is there."""
        self._connection, _ = self._server.accept()
        self.close()

    def reach(self):
        """Sender: connect to it."""
        self._connection = unix_connection(self._name)

    def ring(self, ready):
        self._connection.sendall(LENGTH.pack(ready))

    def wait(self):
        """The last number rung; waits for one when none is there."""
        rung = self._connection.recv(LENGTH.size * 512)
        while rung and len(rung) % LENGTH.size:
            more = self._connection.recv(LENGTH.size - len(rung) % LENGTH.size)
            rung = rung + more if more else b""
        if not rung:
            raise Broken("the sender is gone")
        return LENGTH.unpack(rung[-LENGTH.size :])[0]

    def close(self):
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._name)  # noqa: PTH108 - as below
            self._server = None


# A socket's path may have 107 bytes, so these are names in the working folder.
def unix_server(name):
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    server.listen(1)
    return server


def unix_connection(name):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(name)
    return connection
