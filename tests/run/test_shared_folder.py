"""Data of a trial's cluster have a place that its hosts share."""

from __future__ import annotations

from pathlib import PurePosixPath

from sparkbed.run.trial import placed


def test_a_text_may_name_the_clusters_shared_folder() -> None:
    given = {"storage-location": "file://{shared}/data", "num-records": 7, "hash-records": True, "form": "text"}
    found = placed(given, PurePosixPath("/nodes/master/cluster/shared"))
    assert found == {**given, "storage-location": "file:///nodes/master/cluster/shared/data"}
    assert list(found) == list(given)
