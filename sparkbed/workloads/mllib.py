"""What must hold between the parameters of the MLlib tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkbed.workloads.parameters import refusal

_AT_MOST = (
    ("num-centers", "num-examples"),
    ("tree-depth", "num-features"),
    ("rank", "num-cols"),
    ("node-degree", "num-examples"),
)
"""The first may not be larger than the second."""


def check_mllib(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse parameters of an MLlib test that do not go together (UsageError); others pass."""
    for less, more in _AT_MOST:
        if less in resolved and more in resolved and resolved[less] > resolved[more]:
            raise refusal(
                f"{workload}: {less} is {resolved[less]}, and {more} is {resolved[more]}",
                given,
                less if less in given else more,
                f"Set {less} to at most {more}.",
            )
    if "reg-type" in resolved:
        _check_linear(workload, resolved, given)
    if "label-type" in resolved:
        _check_trees(workload, resolved, given)


def _check_linear(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    kind, optimizer, loss = resolved["reg-type"], resolved["optimizer"], resolved["loss"]
    place = next((key for key in ("optimizer", "reg-type", "loss") if key in given), "optimizer")
    if optimizer == ("sgd" if kind == "elastic-net" else "auto"):
        raise refusal(
            f"{workload}: reg-type {kind} and optimizer {optimizer} do not go together",
            given,
            place,
            "Take auto or l-bfgs with elastic-net, and sgd with the others (or l-bfgs, for classification).",
        )
    if kind != "elastic-net" and optimizer == "l-bfgs" and loss == "l2":
        raise refusal(f"{workload}: optimizer l-bfgs needs reg-type elastic-net", given, place, "Or take sgd.")
    if loss == "hinge" and optimizer != "sgd":
        raise refusal(f"{workload}: loss hinge needs optimizer sgd", given, place, "Or take loss logistic.")


def _check_trees(workload: str, resolved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    labels, boosted = resolved["label-type"], resolved["ensemble-type"].endswith("GradientBoostedTrees")
    if labels == 1 or (boosted and labels > 2):
        raise refusal(
            f"{workload}: label-type {labels} does not go with ensemble-type {resolved['ensemble-type']}",
            given,
            "label-type" if "label-type" in given else "ensemble-type",
            "It is 0 for regression, or how many classes: 2, and more for forests.",
        )
    if resolved["test-data"] and not resolved["training-data"]:
        raise refusal(f"{workload}: test-data needs training-data", given, "test-data", "Name that too.")
