"""What an exchange is held against, measured by the same two processes in the same launch.

memcpy and read: the sending process copies the dataset to memory of its own, and sums it up as a receiver does; one
thread. Stream: the dataset over TCP from a sender in C (one call of sendall: CPython hands all of it to the kernel in
a loop in C) to a receiver that reads nothing of it: it lets the kernel write into one buffer over and over, as iperf3
does.
"""

import time
from socket import create_connection

import numpy as np
from exchange_ways import Broken, Sum, listen, prompt, touched

STREAM_BUFFER = 1 << 18


class Memcpy:
    def __init__(self, data):
        self._data, self._copy = data, touched(len(data))

    def run(self):
        """Seconds, and the sum."""
        self._copy.fill(0)
        start = time.monotonic()
        np.copyto(self._copy, self._data)
        total = Sum(self._copy).whole()
        return time.monotonic() - start, total


class StreamSender:
    def __init__(self, data, offer):
        self._data, self._connection = data, prompt(create_connection(tuple(offer)))

    def send(self):
        self._connection.sendall(self._data)


class StreamReceiver:
    def __init__(self, plan):
        self._size, self._server = plan.size, listen(plan.address)
        self._buffer = bytearray(STREAM_BUFFER)

    def offer(self):
        return list(self._server.getsockname()[:2])

    def meet(self):
        self._connection, _ = self._server.accept()

    def receive(self):
        left = self._size
        while left:
            read = self._connection.recv_into(self._buffer, min(STREAM_BUFFER, left))
            if not read:
                raise Broken(f"the data ended {left} bytes too soon")
            left -= read
