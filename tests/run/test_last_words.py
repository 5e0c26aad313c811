"""What is said of a program that failed: its own words, not what Spark complains of while it ends."""

from __future__ import annotations

from pathlib import Path

from sparkbed.run.trial import STDERR, STDOUT, last_words, printable

RUNNING = "26/11/26 17:14:55.863 INFO DAGScheduler: Job 0 finished: sum at sometimes.py:4, took 7.736992 s\n"
# Spark 3.5 at the end of a program, when an executor's disconnection comes while its own threads are already gone.
ENDING = (
    "26/11/26 17:14:55.968 INFO SparkContext: Invoking stop() from shutdown hook\n"
    "26/11/26 17:14:56.113 ERROR Inbox: Ignoring error\n"
    "java.util.concurrent.RejectedExecutionException: Task rejected from a pool that was shut down\n"
)


def words(folder: Path, log: str, printed: str) -> str:
    (folder / STDERR).write_text(log)
    (folder / STDOUT).write_text(printed)
    return last_words(folder)


def test_errors_of_the_end_itself_are_not_why_it_ended(tmp_path: Path) -> None:
    assert words(tmp_path, RUNNING + ENDING, "answer 45\nno luck today\n") == "answer 45 | no luck today"


def test_an_error_before_the_end_is(tmp_path: Path) -> None:
    failed = "26/11/26 17:14:55.9 ERROR Executor: Exception in task 0.0 in stage 0.0 (TID 0)\n"
    assert words(tmp_path, RUNNING + failed + ENDING, "answer 45\n") == failed.strip()


def test_a_frame_of_a_stack_is_no_reason(tmp_path: Path) -> None:
    lost = "26/11/26 21:30:31.556 WARN TaskSetManager: Lost task 0.0: java.lang.OutOfMemoryError: Java heap space\n"
    frames = "\tat org.apache.spark.util.SparkErrorUtils.tryWithSafeFinally(SparkErrorUtils.scala:64)\n"
    assert words(tmp_path, RUNNING + lost + frames + ENDING, "") == lost.strip()


def test_a_program_without_a_word(tmp_path: Path) -> None:
    assert last_words(tmp_path) == "it wrote nothing"
    assert words(tmp_path, RUNNING + ENDING, "") == RUNNING.strip()


def test_what_a_program_said_is_no_command_to_a_terminal() -> None:
    assert printable("a \x1b[2J\x00\x9b tab\tand\nline é") == "a \\x1b[2J\\x00\\x9b tab\\tand\nline é"
