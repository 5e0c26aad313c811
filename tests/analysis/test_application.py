"""An application by its event log alone: the sums hold, and Spark's own REST API says the same, task by task."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import application, decompose
from analysis.blocked import could_save, makespan
from sparkbed.event_log import EventLog, read_event_log
from sparkbed.java import find_java

DATA = Path(__file__).parents[1] / "collectors" / "data" / "spark-3.5-local.gz"


@pytest.fixture(scope="module")
def log() -> EventLog:
    return read_event_log(DATA)


@pytest.fixture(scope="module")
def data(log: EventLog) -> dict[str, Any]:
    return application.describe(log)


def test_stages_add_up_to_the_application(data: dict[str, Any]) -> None:
    assert [(one["id"], one["tasks"], one["failed_tasks"]) for one in data["stages"]] == [
        (0, 4, 0), (1, 3, 0), (3, 3, 0), (4, 4, 1), (5, 2, 0),
    ]  # fmt: skip
    for part in decompose.PARTS:
        total = data["tasks"]["parts"][part]
        assert sum(one["parts"][part] for one in data["stages"]) == pytest.approx(total, abs=1e-9)
    assert sum(data["tasks"]["parts"].values()) == pytest.approx(data["tasks"]["seconds"])
    wall = data["wall"]
    assert wall["busy"] + wall["idle"] == pytest.approx(wall["seconds"])
    assert 0 < wall["busy"] < wall["seconds"]


def test_critical_paths_add_up_to_their_jobs(data: dict[str, Any]) -> None:
    paths = data["critical_paths"]
    assert [(one["job"], [step["stage"] for step in one["path"]]) for one in paths] == [
        (0, [0, 1]), (1, [3]), (2, [4]), (3, [5]),
    ]  # fmt: skip
    for path in paths:
        parts = sum(step["waited"] + step["seconds"] for step in path["path"]) + path["after"]
        assert parts == pytest.approx(path["seconds"])
    said = application.sentences(data)[-1]
    assert said.startswith("The longest job (0, 1.52 s) waited for stage 0 reduceByKey at app.py:6 (1.23 s), stage 1 ")


def test_a_log_that_breaks_off_is_described_as_far_as_it_goes(tmp_path: Path) -> None:
    lines = gzip.decompress(DATA.read_bytes()).splitlines(keepends=True)
    short = tmp_path / "app.inprogress"
    for kept in (len(lines) - 1, len(lines) // 2, 4, 1):
        short.write_bytes(b"".join(lines[:kept]))
        found = application.describe(read_event_log(short))
        assert not found["application"]["complete"]
        assert "breaks off" in " ".join(application.sentences(found))
        json.loads(application.as_json(found))
        assert application.as_markdown(found)
        assert "<html" in application.as_html(found, application.figures(found, read_event_log(short)))


def test_the_page_survives_hostile_names(tmp_path: Path) -> None:
    text = gzip.decompress(DATA.read_bytes()).replace(b"collect at app.py:7", b"<script>alert(1)</script> | x")
    (tmp_path / "log").write_bytes(text.replace(b'"App Name":"fixture"', b'"App Name":"</title><script>x|y"'))
    hostile = read_event_log(tmp_path / "log")
    found = application.describe(hostile)
    page = application.as_html(found, application.figures(found, hostile))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    markdown = application.as_markdown(found)
    assert "<script" not in markdown
    assert all(line.count("|") - line.count("\\|") == 15 for line in markdown.splitlines() if line.startswith("| 1 "))


def table(durations: list[list[float]], blocked: list[list[float]]) -> dict[str, Any]:
    """A task table with these stages' tasks in seconds, of which so much was GC."""
    stages = [index for index, row in enumerate(durations) for _ in row]
    flat, waits = np.array(list(chain(*durations))), np.array(list(chain(*blocked)))
    nothing = np.zeros(flat.size)
    return {
        "stage": np.array(stages),
        "stage_attempt": nothing.astype(int),
        "launch_ms": np.arange(flat.size),
        "finish_ms": np.arange(flat.size) + flat * 1e3,
        "run_ms": flat * 1e3,
        "gc_ms": waits * 1e3,
    }


def test_what_could_be_saved_is_the_makespan_without_the_waiting() -> None:
    columns = table([[4, 4, 2, 2], [3]], [[2, 2, 0, 0], [1]])
    assert makespan(np.array([4.0, 4, 2, 2]), 2) == 6
    found = could_save(columns, 2, wall=10.0)
    assert found["gc"] == pytest.approx(((6 + 3) - (4 + 2)) / 10)
    assert found["shuffle_read"] == found["deserialize"] == 0
    assert could_save(columns, 2, wall=1.0)["gc"] == 1.0  # never more than all


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Spark's own History Server, with the log loaded."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "logs").mkdir()
    (folder / "logs" / "local-1").write_bytes(gzip.decompress(DATA.read_bytes()))
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    words = [
        str(find_java() / "bin" / "java"), "-cp", f"{spec.submodule_search_locations[0]}/jars/*",
        f"-Dspark.history.fs.logDirectory={(folder / 'logs').as_uri()}", "-Dspark.history.ui.port=0",
        "org.apache.spark.deploy.history.HistoryServer",
    ]  # fmt: skip
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    with (folder / "out").open("wb") as out:
        server = subprocess.Popen(words, stdout=out, stderr=out, env=environment, cwd=folder)
    try:
        deadline = time.monotonic() + 120
        address = None
        while address is None:
            said = (folder / "out").read_text(errors="replace")
            assert server.poll() is None, said
            assert time.monotonic() < deadline, said
            started = re.search(r"started at http://\S+:(\d+)\b", said)
            address = f"http://127.0.0.1:{started[1]}" if started else None
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(60)


def asked(url: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:  # the log is still being looked through
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.full
def test_sparks_rest_api_says_the_same_task_by_task(log: EventLog, history: str) -> None:
    base = f"{history}/api/v1/applications/{log.application}"
    columns, parts = log.tasks.columns, decompose.per_task(log.tasks.columns)
    theirs = {
        task["taskId"]: task
        for stage in asked(f"{base}/stages")
        for task in asked(f"{base}/stages/{stage['stageId']}/{stage['attemptId']}/taskList?length=1000")
    }
    assert sorted(theirs) == sorted(columns["task"].tolist())
    compared = 0
    for row, number in enumerate(columns["task"].tolist()):
        task = theirs[number]
        assert task["duration"] == columns["finish_ms"][row] - columns["launch_ms"][row]
        if columns["failed"][row]:
            continue
        metrics = task["taskMetrics"]
        ours = {name: values[row] * 1e3 for name, values in parts.items()}
        assert ours["scheduler_delay"] == pytest.approx(task["schedulerDelay"], abs=1)
        assert ours["getting_result"] == pytest.approx(task["gettingResultTime"], abs=1)
        assert ours["deserialize"] == pytest.approx(metrics["executorDeserializeTime"])
        assert ours["result_serialization"] == pytest.approx(metrics["resultSerializationTime"])
        assert ours["gc"] == pytest.approx(metrics["jvmGcTime"])
        assert ours["shuffle_read"] == pytest.approx(metrics["shuffleReadMetrics"]["fetchWaitTime"])
        assert ours["shuffle_write"] == pytest.approx(metrics["shuffleWriteMetrics"]["writeTime"] / 1e6)
        compared += 1
    assert compared == 15
