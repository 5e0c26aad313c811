"""Reading samples files, whatever state a program left them in."""

from __future__ import annotations

import json

import pytest

from sparkbed.model import Sample
from sparkbed.workloads import read_samples


def line(**record: object) -> str:
    return json.dumps(record) + "\n"


def test_samples_facts_and_warmup() -> None:
    lines = [
        line(metric="ready_seconds", value=2, unit="s"),
        line(fact="executors", value=2),
        line(fact="iterations_began", value=[1.5e9, 1500000001]),
        *(line(metric="trial_seconds", value=1.5 * i, unit="s", iteration=i) for i in (1, 2, 3)),
        "\n",
    ]
    samples, facts, error = read_samples(lines, warmup=1)
    assert samples[0] == Sample("ready_seconds", 2.0, "s")
    assert [(s.value, s.iteration, s.kept) for s in samples[1:]] == [(1.5, 1, False), (3.0, 2, True), (4.5, 3, True)]
    assert facts == {"executors": 2, "iterations_began": [1.5e9, 1500000001]}
    assert error is None


def test_the_programs_own_error() -> None:
    assert read_samples([line(error="wrong result: x"), line(error="later")]).error == "wrong result: x"


def test_a_last_line_that_was_cut_off_is_reported_and_the_rest_kept() -> None:
    whole = line(metric="trial_seconds", value=1.0, unit="s", iteration=1)
    for cut in range(1, len(whole) - 2):
        samples, facts, error = read_samples([whole, whole[:cut]])
        assert len(samples) == 1
        assert facts == {"truncated_line": whole[:cut]}
        assert error is None


@pytest.mark.parametrize(
    "bad",
    [
        line(fact="iterations_began", value=["x"]),
        line(fact="iterations_began", value=7),
        line(fact="iterations_began", value={"a": 1}),
        line(fact="iterations_began", value=[True]),
        line(fact="ended", value="soon"),
        line(fact="ended", value=10**400),  # an integer that no float holds
        line(metric="x", value=10**400),
        line(fact="ended", value=float("nan")),
        "nonsense\n",
        "[1]\n",
        "3\n",
        '"error"\n',
        line(metric="x"),
        line(metric="x", value="1"),
        line(metric="x", value=True),
        line(metric="", value=1),
        line(fact="x"),
        line(metric="x", value=1, iteration=0),
        '{"metric": "x", "value": NaN}\n',
    ],
)
def test_any_other_line_that_is_no_sample_is_an_error_and_the_rest_kept(bad: str) -> None:
    samples, _, error = read_samples([bad, line(metric="y", value=1)])
    assert [sample.metric for sample in samples] == ["y"]
    assert error is not None
    assert error.startswith("line 1 of the samples is not a sample: ")


def test_nothing_at_all() -> None:
    assert read_samples([]) == ([], {}, None)
