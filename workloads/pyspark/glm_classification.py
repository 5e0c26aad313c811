"""python-glm-classification: logistic regression or a support vector machine."""

import math

from pyspark.ml.classification import LogisticRegression
from pyspark.mllib.classification import (
    LogisticRegressionModel,
    LogisticRegressionWithLBFGS,
    LogisticRegressionWithSGD,
    SVMWithSGD,
)
from pyspark.sql import SparkSession
from sparkbed_application import Failed, run
from sparkbed_mllib import COMMON, GLM, accuracy, check_learnt, labelled, mean_of, predictions, train_and_test

OPTIONS = {**COMMON, **GLM, "per-negative": float}


def prepare(context, options):
    return train_and_test(lambda rows, seed: labelled(context, options, rows, seed), options["num-examples"], options)


def body(context, options, data):
    train, iterations = data[0], options["num-iterations"]
    if options["reg-type"] == "elastic-net":
        rows = train.map(lambda point: (point.label, point.features.asML()))
        model = LogisticRegression(
            maxIter=iterations,
            regParam=options["reg-param"],
            elasticNetParam=options["elastic-net-param"],
            tol=0.0,
        ).fit(SparkSession(context).createDataFrame(rows, ["label", "features"]))
        return LogisticRegressionModel(model.coefficients.toArray(), model.intercept, options["num-features"], 2)
    common = {
        "iterations": iterations,
        "regParam": options["reg-param"],
        "regType": None if options["reg-type"] == "none" else options["reg-type"],
    }
    if options["optimizer"] == "l-bfgs" and options["loss"] == "logistic":
        return LogisticRegressionWithLBFGS.train(train, tolerance=0.0, **common)
    if options["optimizer"] == "sgd":
        way = {"logistic": LogisticRegressionWithSGD, "hinge": SVMWithSGD}[options["loss"]]
        return way.train(train, step=options["step-size"], miniBatchFraction=1.0, convergenceTol=0.0, **common)
    raise Failed(f"loss {options['loss']} and optimizer {options['optimizer']} do not go together")


def logistic(margin, label):
    wrong = -margin if label > 0 else margin
    return max(0.0, wrong) + math.log1p(math.exp(-abs(wrong)))


def hinge(margin, label):
    return max(0.0, 1 - (margin if label > 0 else -margin))


def check(_context, options, data, results):
    """Training makes a loss small, so it must be smaller than that of a model without a weight."""
    train, model = data[0], results[-1]
    weights, intercept = model.weights, model.intercept
    loss = {"logistic": logistic, "hinge": hinge}[options["loss"]]
    ones = mean_of(train, lambda point: point.label)
    # spark.ml's intercept alone gives everyone the share of ones; without an intercept it is one half.
    net = options["reg-type"] == "elastic-net"
    constant, middle = (math.log(ones / (1 - ones)), ones) if net else (0.0, 0.5)
    found = mean_of(train, lambda point: loss(weights.dot(point.features) + intercept, point.label))
    without = mean_of(train, lambda point: loss(constant, point.label))
    check_learnt(options, train, model, "loss", found, without, middle)
    return {"examples": train.count(), "training_metric": accuracy(model, train)}


if __name__ == "__main__":
    run("python-glm-classification", OPTIONS, prepare, body, check, predictions(accuracy, "%"))
