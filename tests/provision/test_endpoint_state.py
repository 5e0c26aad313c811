"""What waits for instances is told when none is pending any more, and stands in nobody's way meanwhile."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from sparkbed.provision.endpoint.state import PENDING, RUNNING, SHUTTING_DOWN, Instance, State


def state(folder: Path) -> State:
    made = State(folder / "state.json")
    for number in (1, 2):
        made.instances[f"i-{number}"] = Instance(f"i-{number}", "127.1.1.1", "process", {}, "key", "2026-11-27")
    return made


def test_a_wait_ends_with_the_last_that_comes_up_and_gives_the_lock_up_meanwhile(tmp_path: Path) -> None:
    asked = state(tmp_path)
    seen: list[str] = []

    def wait() -> None:
        with asked.lock:
            asked.wait_settled(["i-1", "i-2", "i-unknown"], 100)
            seen.extend(one.state for one in asked.instances.values())

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    for record in asked.instances.values():
        assert waiting.is_alive()
        assert seen == []
        assert asked.lock.acquire(timeout=60)
        record.state = RUNNING
        asked.settled.notify_all()
        asked.lock.release()
    waiting.join(60)
    assert seen == [RUNNING, RUNNING]


def test_it_is_given_up_after_its_time_and_asks_for_nothing_that_is_not_pending(tmp_path: Path) -> None:
    asked = state(tmp_path)
    with asked.lock:
        asked.wait_settled(["i-1"], 0.01)
        assert asked.instances["i-1"].state == PENDING
        began = time.monotonic()
        asked.instances["i-1"].state = RUNNING
        asked.wait_settled(["i-1", "i-unknown"], 100)
        asked.wait_settled([], 100)
        assert time.monotonic() - began < 90


def test_ends_are_waited_for_too_unless_another_runs(tmp_path: Path) -> None:
    asked = state(tmp_path)
    first, second = asked.instances.values()
    first.state, second.state = SHUTTING_DOWN, RUNNING
    left: list[list[str]] = []

    def wait(*ids: str) -> None:
        with asked.lock:
            asked.wait_settled(ids, 100)
            left.append(list(asked.instances))

    began = time.monotonic()
    wait("i-1", "i-2")
    assert time.monotonic() - began < 90, "one has ended behind the back of who waits for both: it is told at once"
    waiting = threading.Thread(target=wait, args=("i-1",), daemon=True)
    waiting.start()
    time.sleep(0.1)
    with asked.lock:
        assert len(left) == 1
        asked.forget("i-1")
        asked.settled.notify_all()
    waiting.join(60)
    assert left[1:] == [["i-2"]]
