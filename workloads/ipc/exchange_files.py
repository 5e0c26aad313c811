"""By a file: the sender writes it, the receiver reads it when it is whole (the paper's shared memory)."""

import contextlib
import os

import numpy as np
from exchange_ways import Broken, Doorbell, Receiver, Sender, fill, touched, write_all


class FileSender(Sender):
    def __init__(self, plan, data):
        super().__init__(plan, data)
        self._bell = Doorbell(plan.name)

    def reach(self, _offer):
        self._bell.reach()

    def before(self):
        if self.plan.fresh:
            remove(self.plan.path)
        else:
            with opened(self.plan.path, os.O_WRONLY | os.O_CREAT) as file:
                write_all(file, memoryview(bytes(self.plan.size)))

    def send(self):
        with opened(self.plan.path, os.O_WRONLY | os.O_CREAT) as file:
            write_all(file, memoryview(self.data))
        self._bell.ring(self.plan.size)

    def close(self):
        remove(self.plan.path)


class FileReceiver(Receiver):
    def __init__(self, plan):
        super().__init__(plan)
        self._bell = Doorbell(plan.name)
        self._buffer = None

    def offer(self):
        self._bell.hang()
        if not self.plan.fresh:
            self._buffer = touched(self.plan.size)

    def meet(self):
        self._bell.take()

    def before(self):
        if self._buffer is not None:
            self._buffer.fill(0)

    def receive(self):
        size = self._bell.wait()
        if size != self.plan.size:
            raise Broken(f"{size} bytes are announced, not {self.plan.size}")
        if self.plan.fresh:
            self._buffer = np.empty(size, np.uint8)
        with opened(self.plan.path, os.O_RDONLY) as file:
            return fill(lambda view: os.readv(file, [view]), self._buffer, self.plan.chunk)

    def received(self):
        return self._buffer

    def after(self):
        if self.plan.fresh:
            self._buffer = None

    def close(self):
        self._bell.close()
        remove(self.plan.path)


@contextlib.contextmanager
def opened(path, flags):
    """A descriptor of the file, which its owner may read and write."""
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108 - the paths of this room are texts
