"""python-glm-classification: logistic regression or a support vector machine."""

from pyspark.ml.classification import LogisticRegression
from pyspark.mllib.classification import (
    LogisticRegressionModel,
    LogisticRegressionWithLBFGS,
    LogisticRegressionWithSGD,
    SVMWithSGD,
)
from pyspark.sql import SparkSession
from sparkbed_application import Failed, run
from sparkbed_mllib import COMMON, GLM, accuracy, check_better, labelled, mean_of, predictions, train_and_test

OPTIONS = {**COMMON, **GLM, "per-negative": float}


def prepare(context, options):
    return train_and_test(lambda rows, seed: labelled(context, options, rows, seed), options["num-examples"], options)


def body(context, options, data):
    train, iterations = data[0], options["num-iterations"]
    if options["reg-type"] == "elastic-net":
        rows = train.map(lambda point: (point.label, point.features.asML()))
        model = LogisticRegression(
            maxIter=iterations, regParam=options["reg-param"], elasticNetParam=options["elastic-net-param"]
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


def check(_context, _options, data, results):
    """It is wrong on its training set no more often than always guessing one label, whichever is rarer."""
    train = data[0]
    found, ones = accuracy(results[-1], train), mean_of(train, lambda point: point.label)
    check_better("share of errors", 100 - found, 100 * max(ones, 1 - ones))
    return {"examples": train.count(), "training_metric": found}


if __name__ == "__main__":
    run("python-glm-classification", OPTIONS, prepare, body, check, predictions(accuracy, "%"))
