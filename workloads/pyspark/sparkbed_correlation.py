"""What both correlation tests share: correlations of all columns of uniform numbers with each other."""

import numpy as np
from pyspark.mllib.stat import Statistics
from sparkbed_application import run
from sparkbed_mllib import COMMON, check_same, vectors

OPTIONS = {**COMMON, "num-rows": int, "num-cols": int}


def prepare(context, options):
    return vectors(context, options, options["num-rows"], options["num-cols"], options["random-seed"])


def check(data, found, levelled):
    """The last two columns' entry is what NumPy finds; levelled(column) is what they are correlated by."""
    pair = np.array(data.map(lambda row: row.toArray()[-2:]).collect())
    expected = float(np.corrcoef([levelled(column) for column in pair.T])[0, 1])
    check_same("the last two columns' correlation", float(found[-2, -1]), expected)
    check_same("the sum of the diagonal", float(np.trace(found)), len(found))
    return {"columns": len(found), "last": expected}


def run_correlation(method, levelled):
    """The whole program of one method."""

    def body(_context, _options, data):
        return Statistics.corr(data, method=method)

    run(f"python-{method}", OPTIONS, prepare, body, lambda _c, _o, data, results: check(data, results[-1], levelled))
