"""Data and checks of the MLlib tests in Python. As in spark-perf, data are made once, and not for every repetition."""

import math
import time
from operator import add

import numpy as np
from pyspark.mllib.linalg import Vectors
from pyspark.mllib.regression import LabeledPoint
from sparkbed_application import WrongResult

COMMON = {"num-partitions": int}
GLM = {
    "num-examples": int,
    "feature-noise": float,
    "num-features": int,
    "num-iterations": int,
    "step-size": float,
    "reg-type": str,
    "reg-param": float,
    "elastic-net-param": float,
    "optimizer": str,
    "loss": str,
}
"""Options of both linear tests."""


def generator(seed, index):
    """Each partition's generator. spark-perf's seed is a hash that differs between Python's versions; see key_value."""
    return np.random.default_rng([seed, index])


def vectors(context, options, rows, columns, seed):
    """`rows` vectors of numbers uniform in [0, 1), as many in every partition."""
    partitions = options["num-partitions"]
    each = rows // partitions

    def partition(index, _):
        random = generator(seed, index)
        return (Vectors.dense(random.random(columns)) for _ in range(each))

    return context.parallelize(range(partitions), partitions).mapPartitionsWithIndex(partition)


def labelled(context, options, rows, seed):
    """Vectors labelled 1 where their product with uniform weights is above its mean, else 0.

    spark-perf labels those above 0, which are all: features and weights are not negative.
    """
    weights = np.random.default_rng(options["random-seed"]).random(options["num-features"])
    middle = weights.sum() / 2

    def point(features):
        return LabeledPoint(float(features.dot(weights) > middle), features)

    return vectors(context, options, rows, options["num-features"], seed).map(point)


def train_and_test(make, rows, options):
    """A training set in memory and a test set of a fifth of its size; make(rows, seed) gives each."""
    train = make(rows, options["random-seed"]).cache()
    train.count()
    return train, make(max(options["num-partitions"], rows // 5), options["random-seed"] + 1)


def accuracy(model, data):
    """Per cent of the labels that the model predicts."""
    return 100.0 * data.map(lambda point: float(point.label == model.predict(point.features))).mean()


def rmse(model, data):
    """The root of the mean squared error of the predictions."""
    return math.sqrt(data.map(lambda point: (point.label - model.predict(point.features)) ** 2).mean())


def predictions(metric, unit):
    """What comes after each training: evaluating on the training set, timed, and on the test set."""

    def after(_context, _options, data, model, sample):
        train, test = data
        start = time.monotonic()
        training_metric = metric(model, train)
        sample("test_seconds", time.monotonic() - start, "s")
        for name, value in (("training_metric", training_metric), ("test_metric", metric(model, test))):
            if not math.isfinite(value):
                raise WrongResult(f"{name} is {value}")
            sample(name, value, unit)

    return after


def check_better(what, found, without):
    """Raise WrongResult unless an error is smaller than that of the simplest guess."""
    if not found < without * (1 - 1e-9):
        raise WrongResult(f"the model's {what} ({found}) is not smaller than that of a plain guess ({without})")


def check_learnt(options, train, model, what, found, without, middle):
    """Raise WrongResult unless training made `what` smaller than it is without weights.

    `middle` is what a model without weights makes of every label. It may be the best there is where l1 regularisation
    outweighs every feature.
    """
    if found < without * (1 - 1e-9):
        return
    if not np.any(model.weights.toArray()) and nothing_is_best(options, train, middle):
        return
    raise WrongResult(
        f"the model's {what} ({found}) is not below that of a model without weights ({without}): it has learnt nothing"
        "; is step-size too large?"
    )


def nothing_is_best(options, train, middle):
    """Whether no feature is worth its l1 regularisation."""
    net = options["reg-type"] == "elastic-net"
    l1 = options["reg-param"] * (options["elastic-net-param"] if net else float(options["reg-type"] == "l1"))
    if l1 == 0:
        return False

    def sums(point):
        row = point.features.toArray()
        return np.array([row * (point.label - middle), row, row * row])

    products, means, squares = train.map(sums).reduce(add) / train.count()
    deviations = np.sqrt(squares - means**2) if net else 1.0  # spark.ml divides features by them first
    return bool(np.all(np.abs(products) / deviations <= l1 * (1 + 1e-6)))


def check_same(what, found, expected, tolerance=1e-6):
    """Raise WrongResult unless two numbers are the same but for rounding."""
    if not abs(found - expected) <= tolerance * max(1.0, abs(expected)):
        raise WrongResult(f"{what} is {found}, not {expected}")


def mean_of(data, value):
    """The mean of value(row), added up plainly."""
    return data.map(value).reduce(add) / data.count()
