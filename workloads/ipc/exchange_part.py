"""One side of an exchange: a process that does what it is told, line by line, until its standard input closes.

    python exchange_part.py sender|receiver PLAN        PLAN is JSON: the fields of exchange_ways.Plan

It is told {"do": NAME, ...} and answers {"done": NAME, ...}, or {"error": TEXT} and ends. Moments are those of
CLOCK_MONOTONIC, which all processes of a machine share, in containers too.
"""

import hashlib
import json
import os
import platform
import queue
import signal
import sys
import threading
import time

import numpy as np
from exchange_ways import Broken, Plan, Sum


def ways(name):
    """The two sides of the way `name`; only its own modules are loaded, as loading counts as process start."""
    if name == "shared-file":
        from exchange_files import FileReceiver, FileSender

        return FileSender, FileReceiver
    if name in ("posix-shm", "mmap"):
        import exchange_memory as room

        mapped = room.MappedSender, room.MappedReceiver
        return mapped if name == "posix-shm" else (room.FileMapSender, room.FileMapReceiver)
    import exchange_sockets as room

    return {
        "tcp": (room.SocketSender, room.SocketReceiver),
        "tcp-pickle": (room.PickleSender, room.PickleReceiver),
        "unix": (room.UnixSender, room.UnixReceiver),
        "pickle5": (room.OutOfBandSender, room.OutOfBandReceiver),
        "arrow": (room.ArrowSender, room.ArrowReceiver),
    }[name]


def say(**answer):
    # One write: what is told in another thread at the end must not fall into the middle of it.
    os.write(1, (json.dumps(answer) + "\n").encode())


class SendingPart:
    """What the sending process can be told. The dataset is drawn from the plan's seed."""

    side = None

    def __init__(self, plan):
        self._plan = plan

    def make(self):
        rng = np.random.default_rng(self._plan.seed)
        data = np.frombuffer(rng.bytes(self._plan.size), np.uint8)
        self._data = data
        self.side = ways(self._plan.way)[0](self._plan, data)
        return {"digest": hashlib.sha256(data).hexdigest(), "sum": Sum(data).whole()}

    def reach(self, offer):
        self.side.reach(offer)

    def before(self):
        self.side.before()

    def send(self):
        start = time.monotonic()
        self.side.send()
        return {"start": start}

    def after(self):
        self.side.after()

    def reference(self, offer):
        from exchange_reference import Memcpy, StreamSender

        self._memcpy, self._stream = Memcpy(self._data), StreamSender(self._data, offer)

    def memcpy(self):
        seconds, total = self._memcpy.run()
        return {"seconds": seconds, "sum": total}

    def stream(self):
        start = time.monotonic()
        self._stream.send()
        return {"start": start}


class ReceivingPart:
    """What the receiving process can be told."""

    def __init__(self, plan):
        self._plan = plan
        self.side = ways(plan.way)[1](plan)

    def offer(self):
        return {"offer": self.side.offer()}

    def meet(self):
        self.side.meet()

    def before(self):
        self.side.before()

    def receive(self):
        say(waiting=True)
        total = self.side.receive()
        end = time.monotonic()
        return {"end": end, "sum": total, "digest": hashlib.sha256(self.side.received()).hexdigest()}

    def after(self):
        self.side.after()

    def reference(self):
        from exchange_reference import StreamReceiver

        self._stream = StreamReceiver(self._plan)
        return {"offer": self._stream.offer()}

    def reference_meet(self):
        self._stream.meet()

    def stream(self):
        say(waiting=True)
        self._stream.receive()
        return {"end": time.monotonic()}


def main():
    plan = Plan(**json.loads(sys.argv[2]))
    os.chdir(plan.folder)
    part = {"sender": SendingPart, "receiver": ReceivingPart}[sys.argv[1]](plan)

    def leave(status):
        """End at once, also in the middle of an exchange: nothing that the system would keep is left."""
        if part.side is not None:
            part.side.close()
        os._exit(status)

    signal.signal(signal.SIGTERM, lambda *_: leave(128 + signal.SIGTERM))
    orders = queue.SimpleQueue()

    def listen():
        for line in sys.stdin:
            orders.put(json.loads(line))
        leave(0)

    threading.Thread(target=listen, daemon=True).start()
    say(done="start", python=platform.python_version(), numpy=np.__version__, host=platform.node())
    while True:
        order = orders.get()
        name = order.pop("do")
        try:
            answer = getattr(part, name)(**order)
        except (Broken, OSError, MemoryError) as problem:
            say(error=f"{type(problem).__name__}: {problem}" if not isinstance(problem, Broken) else str(problem))
            leave(1)
        say(done=name, **(answer or {}))


if __name__ == "__main__":
    try:
        main()
    except Broken as problem:
        say(error=str(problem))
        sys.exit(1)
