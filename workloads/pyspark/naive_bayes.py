"""python-naive-bayes: a multinomial model, as Python's API has no other."""

import math

import numpy as np
from pyspark.mllib.classification import NaiveBayes
from sparkbed_application import WrongResult, run
from sparkbed_mllib import COMMON, accuracy, check_same, labelled, predictions, train_and_test

OPTIONS = {
    **COMMON,
    "num-examples": int,
    "num-features": int,
    "per-negative": float,
    "feature-noise": float,
    "nb-lambda": float,
    "model-type": str,
}


def prepare(context, options):
    return train_and_test(lambda rows, seed: labelled(context, options, rows, seed), options["num-examples"], options)


def body(_context, options, data):
    return NaiveBayes.train(data[0], lambda_=options["nb-lambda"])


def check(_context, options, data, results):
    """The model's log probabilities of labels and features are those of their smoothed counts and sums."""
    model, train, smoothing = results[-1], data[0], options["nb-lambda"]
    counts = train.map(lambda point: point.label).countByValue()
    total = sum(counts.values()) + smoothing * len(counts)
    for label, found in zip(model.labels, model.pi):  # noqa: B905 - drivers may run Python 3.8 and 3.9
        check_same(f"the log probability of label {label}", found, math.log((counts[label] + smoothing) / total))
    sums = train.map(lambda point: (point.label, point.features.toArray())).reduceByKey(np.add).collectAsMap()
    for label, found in zip(model.labels, model.theta):  # noqa: B905 - as above
        check_features(found, sums[label], smoothing)
    return {"examples": train.count(), "labels": len(counts)}


def check_features(found, sums, smoothing):
    """Raise WrongResult unless `found` are the log probabilities of features that add up to `sums`."""
    with np.errstate(divide="ignore"):  # without smoothing, what never occurs has the logarithm of 0
        expected = np.log((sums + smoothing) / (sums.sum() + smoothing * len(sums)))
    if not np.allclose(found, expected, rtol=1e-6, atol=1e-6):
        raise WrongResult("the log probabilities of the features are not those of their smoothed sums")


if __name__ == "__main__":
    run("python-naive-bayes", OPTIONS, prepare, body, check, predictions(accuracy, "%"))
