"""What two cells ran is compared by what their trials recorded of themselves."""

from __future__ import annotations

from typing import Any

from analysis.unlike import unlike, unlike_sentence


def trial(python: str = "3.11.7", status: str = "ok", **jvm: Any) -> dict[str, Any]:
    facts = {
        "workload": {"python_version": python, "spark_version": "3.5.9"},
        "jvms": [{"version": "17.0.15", "collector": "G1", "processors": 2, "heap": 2**30, **jvm}],
    }
    return {"status": status, "facts": facts}


def cell(*trials: dict[str, Any]) -> dict[str, Any]:
    return {"trials": list(trials)}


def test_cells_that_ran_the_same_are_not_unlike() -> None:
    assert unlike(cell(trial(), trial()), cell(trial())) == {}
    assert unlike_sentence(cell(trial()), cell(trial()), ["docker", "bare"]) is None


def test_all_that_differs_is_named_with_both_sides() -> None:
    docker = cell(trial("3.11.2", collector="Serial", heap=2**29), trial("3.11.2", collector="G1", heap=2**29))
    said = unlike_sentence(docker, cell(trial()), ["docker", "bare"])
    assert said == (
        "What docker and bare ran was not the same: Python (3.11.2 against 3.11.7), collector (G1, Serial against G1) "
        "and largest heap (512 MiB against 1,024 MiB)."
    )


def test_failed_trials_and_missing_facts_tell_nothing() -> None:
    assert unlike(cell(trial(), trial("2.7", status="failed")), cell(trial())) == {}
    assert unlike(cell({"status": "ok", "facts": {}}), cell(trial())) == {}
