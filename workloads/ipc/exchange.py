"""Two processes exchange a dataset, one way of several; how long it takes, and what the machine could do at best.

    python exchange.py --samples=FILE --shared=FOLDER --sender='["python3"]' --receiver='["python3"]' --way=tcp ...

The sides are started by the words given (which may lead into containers), and both see FOLDER at this path. This
program starts them, says when what happens, checks what arrived, and writes the samples; no data pass through it.
"""

import contextlib
import json
import pathlib
import queue
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from sparkbed_program import Failed, SamplesFile, Usage, WrongResult, parse_options

STARTED = time.monotonic()
PART = pathlib.Path(__file__).resolve().parent / "exchange_part.py"
OPTIONS = {
    "samples": str,
    "shared": str,
    "sender": json.loads,
    "receiver": json.loads,
    "address": str,
    "way": str,
    "size": int,
    "resources": str,
    "file-on": str,
    "chunk-size": int,
    "references": bool,
    "num-trials": int,
    "inter-trial-wait": float,
    "random-seed": int,
    "step-deadline": float,
}
GRACE = 10.0
"""Seconds that a side has to end once it has been told."""


class Sides:
    """Both processes, and the conversation with them."""

    def __init__(self, words, plan, deadline):
        self._deadline = deadline
        self._answers = {name: queue.SimpleQueue() for name in words}
        self._processes = {}
        try:
            for name, prefix in words.items():
                self._processes[name] = subprocess.Popen(
                    [*prefix, str(PART), name, json.dumps(plan)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
                )
                threading.Thread(target=self._listen, args=(name,), daemon=True).start()
        except OSError as problem:
            self.end()
            raise Failed(f"the {name} can't be started: {problem}") from None

    def _listen(self, name):
        for line in self._processes[name].stdout:
            self._answers[name].put(line)
        self._answers[name].put(None)

    def tell(self, name, do, **words):
        try:
            self._processes[name].stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
            self._processes[name].stdin.flush()
        except OSError:
            raise self._died(name, "was told what to do") from None

    def hear(self, name):
        """The next answer of a side.

        Raises:
            Failed: when it has trouble, has ended, or says nothing until the deadline; or when the other one has ended.
        """
        end = time.monotonic() + self._deadline
        while True:
            try:
                line = self._answers[name].get(timeout=0.2)
            except queue.Empty:
                if time.monotonic() > end:
                    raise Failed(f"the {name} said nothing for {self._deadline:g} s") from None
                self._check_others(name)
                continue
            if line is None:
                raise self._died(name, "its answer came")
            try:
                answer = json.loads(line)
            except ValueError:
                # What leads there may have words of its own, as docker exec has for a container that is gone.
                raise Failed(f"the {name} can't be talked to: {line.decode(errors='replace').strip()[:300]}") from None
            if "error" in answer:
                # The other side's death is the cause rather than what this one noticed of it.
                self._check_others(name, wait=0.5)
                raise Failed(f"the {name}: {answer['error']}")
            return answer

    def ask(self, name, do, **words):
        self.tell(name, do, **words)
        return self.hear(name)

    def _check_others(self, name, wait=0.0):
        for other, process in self._processes.items():
            if other != name:
                try:
                    status = process.wait(wait)
                except subprocess.TimeoutExpired:
                    continue
                if status not in (0, 1):
                    raise self._died(other, "the exchange was done")

    def _died(self, name, moment):
        try:
            status = self._processes[name].wait(GRACE)
        except subprocess.TimeoutExpired:
            return Failed(f"the {name} closed its output before {moment}")
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Failed(f"the {name} ended with {how} before {moment}")

    def end(self):
        """End both, whatever state they are in. A side ends when its standard input closes."""
        for process in self._processes.values():
            with contextlib.suppress(OSError):  # it has ended already, in the middle of a line of ours
                process.stdin.close()
        end = time.monotonic() + GRACE
        for process in self._processes.values():
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Exchange:
    """One launch: both sides started, made ready, and one exchange an iteration."""

    def __init__(self, options, samples, sides, started):
        self._options, self._samples, self._sides, self._started = options, samples, sides, started

    def run(self):
        self._start()
        for iteration in range(1, self._options["num-trials"] + 1):
            if iteration > 1:
                time.sleep(self._options["inter-trial-wait"])
            # What is compared takes turns at going first.
            if iteration % 2:
                seconds = self._exchange(iteration)
                measured = self._measure_references()
            else:
                measured = self._measure_references()
                seconds = self._exchange(iteration)
            self._record_references(iteration, seconds, measured)
        self._samples.fact("result", {"digest": self._made["digest"], "sum": self._made["sum"]})

    def _start(self):
        sides = self._sides
        for name in ("receiver", "sender"):
            answer = sides.hear(name)
            self._samples.fact(name, {key: answer[key] for key in ("python", "numpy", "host")})
        start_seconds = time.monotonic() - self._started
        self._samples.sample("start_seconds", start_seconds, "s")
        begun = time.monotonic()
        self._made = sides.ask("sender", "make")
        self._samples.sample("generate_seconds", time.monotonic() - begun, "s")
        begun = time.monotonic()
        sides.ask("sender", "reach", offer=sides.ask("receiver", "offer")["offer"])
        sides.ask("receiver", "meet")
        setup_seconds = time.monotonic() - begun
        self._samples.sample("setup_seconds", setup_seconds, "s")
        self._before_first = start_seconds + setup_seconds
        if self._options["references"]:
            sides.ask("sender", "reference", offer=sides.ask("receiver", "reference")["offer"])
            sides.ask("receiver", "reference_meet")

    def _exchange(self, iteration):
        """Seconds of one exchange; what arrived is right."""
        for name in ("receiver", "sender"):
            self._sides.ask(name, "before")
        seconds, answer = self._timed("receive", "send")
        for what in ("sum", "digest"):
            if answer[what] != self._made[what]:
                raise WrongResult(f"iteration {iteration}: the {what} is {answer[what]}, not {self._made[what]}")
        for name in ("receiver", "sender"):
            self._sides.ask(name, "after")
        self._samples.sample("trial_seconds", seconds, "s", iteration)
        if iteration == 1:
            self._samples.sample("with_start_seconds", self._before_first + seconds, "s")
        return seconds

    def _timed(self, receive, send):
        """Seconds from the sender's start to the receiver's end, and what the receiver says."""
        sides = self._sides
        sides.ask("receiver", receive)  # it is waiting
        told = time.monotonic()
        sides.tell("sender", send)
        answer = sides.hear("receiver")
        start = sides.hear("sender")["start"]
        if not told <= start <= answer["end"] <= time.monotonic():
            raise Failed("the sides' clocks are not this machine's: their times can't be compared")
        return answer["end"] - start, answer

    def _measure_references(self):
        if not self._options["references"]:
            return None
        memcpy = self._sides.ask("sender", "memcpy")
        if memcpy["sum"] != self._made["sum"]:
            raise WrongResult(f"the copy's sum is {memcpy['sum']}, not {self._made['sum']}")
        return memcpy["seconds"], self._timed("stream", "stream")[0]

    def _record_references(self, iteration, seconds, measured):
        if measured is None:
            return
        memcpy, stream = measured
        self._samples.sample("memcpy_read_seconds", memcpy, "s", iteration)
        self._samples.sample("stream_seconds", stream, "s", iteration)
        # Speeds: 1 is as fast as the reference.
        self._samples.sample("of_memcpy_read", memcpy / seconds, "ratio", iteration)
        self._samples.sample("of_stream", stream / seconds, "ratio", iteration)


def launch(options, samples):
    """One launch in a folder of its own, which is gone afterwards, with all that the sides may have left."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="exchange-", dir=options["shared"]))
    name = f"sparkbed-{secrets.token_hex(6)}"
    plan = {
        "way": options["way"],
        "size": options["size"],
        "fresh": options["resources"] == "fresh",
        "chunk": options["chunk-size"],
        "folder": str(folder),
        "name": name,
        "address": options["address"],
        "in_memory": options["file-on"] == "memory",
        "seed": options["random-seed"],
    }
    words = {"receiver": options["receiver"], "sender": options["sender"]}
    started = time.monotonic()
    sides = None
    try:
        sides = Sides(words, plan, options["step-deadline"])
        Exchange(options, samples, sides, started).run()
    finally:
        if sides is not None:
            sides.end()
        pathlib.Path("/dev/shm", name).unlink(missing_ok=True)  # noqa: S108 - of a side that was killed
        shutil.rmtree(folder, ignore_errors=True)


def main():
    try:
        options = parse_options(sys.argv[1:], OPTIONS)
    except Usage as problem:
        print(f"sparkbed: wrong usage: {problem}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    failure = None
    try:
        samples = SamplesFile(options["samples"])
    except OSError as problem:
        print(f"sparkbed: the samples file can't be written: {problem}", file=sys.stderr)
        return 1
    try:
        launch(options, samples)
    except WrongResult as problem:
        failure = f"wrong result: {problem}"
    except (Failed, OSError) as problem:
        failure = str(problem)
    try:
        if failure:
            samples.error(failure)
        samples.sample("application_seconds", time.monotonic() - STARTED, "s")
        samples.close()
    except OSError as problem:
        failure = failure or f"the samples file can't be written: {problem}"
    if failure:
        print(f"sparkbed: {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
