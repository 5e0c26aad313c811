"""By memory that both processes have mapped: POSIX shared memory, or a file.

The sender copies the data in, and rings a doorbell after each chunk; the receiver reads them where they lie.
"""

import mmap
import os
import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from exchange_files import opened, remove
from exchange_ways import Doorbell, Receiver, Sender, Sum


class Segment:
    """POSIX shared memory of one name."""

    def __init__(self, plan):
        # The tracker is a process: it shall not be started within the time.
        resource_tracker.ensure_running()
        self._name, self._size = plan.name, plan.size
        self._memory, self._made = None, False

    def make(self):
        """Make it, with memory behind it; the whole of it as bytes."""
        self._memory, self._made = SharedMemory(self._name, create=True, size=self._size), True
        try:
            # Memory that is not there would be a deadly signal at first touch; so it is an error that can be told.
            os.posix_fallocate(self._memory._fd, 0, self._size)
        except OSError as error:
            self.remove()
            raise OSError(error.errno, f"no room for {self._size} bytes in /dev/shm: {error.strerror}") from None
        return self._memory.buf

    def attach(self):
        """Map what the other side made."""
        self._memory = SharedMemory(self._name)
        if sys.version_info < (3, 13):
            # Its maker removes it. Up to Python 3.12 whoever attaches is taken for its owner too.
            resource_tracker.unregister(self._memory._name, "shared_memory")
        return self._memory.buf

    def leave(self):
        self._memory.close()

    def remove(self):
        if not self._made:
            remove(f"/dev/shm/{self._name}")  # noqa: S108 - where Linux has it
            return
        try:
            self._memory.unlink()
        except FileNotFoundError:  # the other side was first; the tracker is not to look for it
            resource_tracker.unregister(self._memory._name, "shared_memory")
        self._made = False


class MappedFile:
    """A file that is mapped into memory."""

    def __init__(self, plan):
        self._path, self._size = plan.path, plan.size
        self._map = None

    def make(self):
        with opened(self._path, os.O_RDWR | os.O_CREAT) as file:
            try:
                os.posix_fallocate(file, 0, self._size)
            except OSError as error:
                remove(self._path)
                raise OSError(error.errno, f"no room for {self._size} bytes: {error.strerror}", self._path) from None
            self._map = mmap.mmap(file, self._size)
        return memoryview(self._map)

    def attach(self):
        with opened(self._path, os.O_RDWR) as file:
            self._map = mmap.mmap(file, self._size)
        return memoryview(self._map)

    def leave(self):
        self._map.close()

    def remove(self):
        remove(self._path)


class MappedSender(Sender):
    kind = Segment
    mapped = None

    def __init__(self, plan, data):
        super().__init__(plan, data)
        self._bell = Doorbell(plan.name)
        self._place = self.kind(plan)

    def reach(self, _offer):
        self._bell.reach()
        if not self.plan.fresh:
            self.mapped = view(self._place.attach(), self.plan.size)

    def before(self):
        if self.mapped is not None:
            self.mapped.fill(0)

    def send(self):
        if self.plan.fresh:
            self.mapped = view(self._place.make(), self.plan.size)
        for start in range(0, self.plan.size, self.plan.chunk):
            end = min(start + self.plan.chunk, self.plan.size)
            np.copyto(self.mapped[start:end], self.data[start:end])
            self._bell.ring(end)

    def after(self):
        if self.plan.fresh:
            self.mapped = None
            self._place.leave()
            self._place.remove()

    def close(self):
        self._place.remove()


class MappedReceiver(Receiver):
    kind = Segment
    mapped = None

    def __init__(self, plan):
        super().__init__(plan)
        self._bell = Doorbell(plan.name)
        self._place = self.kind(plan)

    def offer(self):
        self._bell.hang()
        if not self.plan.fresh:
            self.mapped = view(self._place.make(), self.plan.size)

    def meet(self):
        self._bell.take()

    def before(self):
        if self.mapped is not None:
            self.mapped.fill(0)

    def receive(self):
        ready = self._bell.wait()
        if self.plan.fresh:
            self.mapped = view(self._place.attach(), self.plan.size)
        total = Sum(self.mapped)
        total.upto(ready)
        while ready < self.plan.size:
            ready = self._bell.wait()
            total.upto(ready)
        return total.whole()

    def received(self):
        return self.mapped

    def after(self):
        if self.plan.fresh:
            self.mapped = None
            self._place.leave()

    def close(self):
        self._bell.close()
        self._place.remove()


class FileMapSender(MappedSender):
    kind = MappedFile


class FileMapReceiver(MappedReceiver):
    kind = MappedFile


def view(memory, size):
    """Mapped memory, which may be a page longer, as uint8 of shape (size,)."""
    return np.frombuffer(memory, np.uint8, count=size)
