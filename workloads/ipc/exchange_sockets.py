"""Over a socket: TCP and Unix, the bytes as they are, pickled (with and without copies), or as an Arrow stream."""

import contextlib
import os
import pickle
from socket import create_connection

import numpy as np
from exchange_ways import (
    LENGTH,
    Broken,
    Receiver,
    Sender,
    Sum,
    fill,
    fill_whole,
    listen,
    prompt,
    touched,
    unix_connection,
    unix_server,
)


class Tcp:
    """How the two sides of a way meet over TCP."""

    def serve(self, plan):
        server = listen(plan.address)
        return server, list(server.getsockname()[:2])

    def connect(self, offer):
        return prompt(create_connection(tuple(offer)))

    def gone(self, plan):
        """Nothing is left of a TCP server."""


class Unix:
    """How they meet over a Unix socket in the working folder."""

    def serve(self, plan):
        return unix_server(plan.name), plan.name

    def connect(self, offer):
        return unix_connection(offer)

    def gone(self, plan):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(plan.name)  # noqa: PTH108 - a name in the working folder


class SocketSender(Sender):
    """The bytes as they are, by one call: CPython hands all of them to the kernel in a loop in C."""

    over = Tcp()
    connection = None

    def reach(self, offer):
        self._offer = offer
        if not self.plan.fresh:
            self.connection = self.over.connect(offer)

    def send(self):
        if self.plan.fresh:
            self.connection = self.over.connect(self._offer)
        self.write()

    def write(self):
        self.connection.sendall(self.data)

    def after(self):
        if self.plan.fresh:
            self.connection.close()


class SocketReceiver(Receiver):
    """Into one buffer that holds the whole dataset, each piece summed up as it comes."""

    over = Tcp()
    connection = None
    buffer = None

    def offer(self):
        self._server, offer = self.over.serve(self.plan)
        if not self.plan.fresh:
            self.buffer = touched(self.room())
        return offer

    def room(self):
        """Bytes that the buffer must hold."""
        return self.plan.size

    def meet(self):
        if not self.plan.fresh:
            self.connection, _ = self._server.accept()

    def before(self):
        if self.buffer is not None:
            self.buffer.fill(0)

    def receive(self):
        if self.plan.fresh:
            self.connection, _ = self._server.accept()
            self.buffer = np.empty(self.room(), np.uint8)
        return self.read()

    def read(self):
        return fill(self.connection.recv_into, self.buffer, self.plan.chunk)

    def received(self):
        return self.buffer[: self.plan.size]

    def after(self):
        if self.plan.fresh:
            self.connection.close()
            self.buffer = None

    def close(self):
        self.over.gone(self.plan)


class UnixSender(SocketSender):
    over = Unix()


class UnixReceiver(SocketReceiver):
    over = Unix()


class Unpickled:
    """The receiving side's data once they are an object."""

    data = None

    def received(self):
        return self.data

    def sum(self, data):
        self.data = data
        return Sum(data).whole()

    def after(self):
        self.data = None
        super().after()


class PickleSender(SocketSender):
    """One pickle by protocol 4, the default of the paper's Python: it holds a copy of the data."""

    def __init__(self, plan, data):
        super().__init__(plan, data)
        self._bytes = data.tobytes()

    def write(self):
        pickled = pickle.dumps(self._bytes, protocol=4)
        self.connection.sendall(LENGTH.pack(len(pickled)))
        self.connection.sendall(pickled)


class PickleReceiver(Unpickled, SocketReceiver):
    def room(self):
        return self.plan.size + 64

    def read(self):
        view = memoryview(self.buffer)[: read_length(self.connection, self.room())]
        fill_whole(self.connection.recv_into, view)
        return self.sum(np.frombuffer(unpickled(view), np.uint8))


class OutOfBandSender(SocketSender):
    """A pickle by protocol 5 that names the data, and the data themselves beside it, without a copy."""

    def write(self):
        buffers = []
        pickled = pickle.dumps(self.data, protocol=5, buffer_callback=buffers.append)
        self.connection.sendall(LENGTH.pack(len(pickled)) + pickled)
        for buffer in buffers:
            self.connection.sendall(buffer.raw())


class OutOfBandReceiver(Unpickled, SocketReceiver):
    def read(self):
        head = bytearray(read_length(self.connection, 4096))
        fill_whole(self.connection.recv_into, memoryview(head))
        fill_whole(self.connection.recv_into, memoryview(self.buffer))
        return self.sum(unpickled(head, buffers=[self.buffer]))


class ArrowSender(SocketSender):
    """An Arrow IPC stream of one record batch with one column, as Spark sends to and from Python."""

    def __init__(self, plan, data):
        super().__init__(plan, data)
        self._arrow = arrow()
        column = self._arrow.Array.from_buffers(self._arrow.uint8(), len(data), [None, self._arrow.py_buffer(data)])
        self._batch = self._arrow.record_batch([column], names=["data"])

    def write(self):
        with (
            self.connection.makefile("wb") as stream,
            self._arrow.ipc.new_stream(stream, self._batch.schema) as writer,
        ):
            writer.write_batch(self._batch)


class ArrowReceiver(Unpickled, SocketReceiver):
    """Arrow makes the memory for what it reads, also when the connection is kept."""

    def __init__(self, plan):
        super().__init__(plan)
        self._arrow = arrow()

    def room(self):
        return 0

    def read(self):
        with self.connection.makefile("rb") as stream:
            try:
                table = self._arrow.ipc.open_stream(stream).read_all()
            except self._arrow.ArrowInvalid as error:
                raise Broken(f"the data ended too soon: {error}") from None
        (chunk,) = table.column("data").chunks
        return self.sum(chunk.to_numpy())


def arrow():
    try:
        import pyarrow.ipc
    except ImportError:
        raise Broken("the way arrow needs pyarrow, which this Python does not have: pip install pyarrow") from None
    return pyarrow


def read_length(connection, largest):
    head = bytearray(LENGTH.size)
    fill_whole(connection.recv_into, memoryview(head))
    (length,) = LENGTH.unpack(head)
    if length > largest:
        raise Broken(f"{length} bytes are announced, where at most {largest} can come")
    return length


def unpickled(data, buffers=None):
    return pickle.loads(data, buffers=buffers)  # noqa: S301 - what our own sender made
