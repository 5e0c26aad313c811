"""python-glm-regression: linear regression; as in spark-perf, of labels that are 0 and 1."""

import math

from pyspark.ml.regression import LinearRegression
from pyspark.mllib.regression import LinearRegressionModel, LinearRegressionWithSGD
from pyspark.sql import SparkSession
from sparkbed_application import run
from sparkbed_mllib import COMMON, GLM, check_learnt, labelled, mean_of, predictions, rmse, train_and_test

OPTIONS = {**COMMON, **GLM, "intercept": float, "label-noise": float}


def prepare(context, options):
    return train_and_test(lambda rows, seed: labelled(context, options, rows, seed), options["num-examples"], options)


def body(context, options, data):
    if options["reg-type"] == "elastic-net":
        session = SparkSession(context)
        rows = data[0].map(lambda point: (point.label, point.features.asML()))
        model = LinearRegression(
            maxIter=options["num-iterations"],
            regParam=options["reg-param"],
            elasticNetParam=options["elastic-net-param"],
            solver=options["optimizer"],
            tol=0.0,
        ).fit(session.createDataFrame(rows, ["label", "features"]))
        return LinearRegressionModel(model.coefficients.toArray(), model.intercept)
    return LinearRegressionWithSGD.train(
        data[0],
        iterations=options["num-iterations"],
        step=options["step-size"],
        miniBatchFraction=1.0,
        regParam=options["reg-param"],
        regType=None if options["reg-type"] == "none" else options["reg-type"],
        convergenceTol=0.0,
    )


def check(_context, options, data, results):
    train, model = data[0], results[-1]
    found = rmse(model, train)
    # spark.ml's intercept alone predicts the mean.
    middle = mean_of(train, lambda point: point.label) if options["reg-type"] == "elastic-net" else 0.0
    without = math.sqrt(mean_of(train, lambda point: (point.label - middle) ** 2))
    check_learnt(options, train, model, "error", found, without, middle)
    return {"examples": train.count(), "training_metric": found}


if __name__ == "__main__":
    run("python-glm-regression", OPTIONS, prepare, body, check, predictions(rmse, "RMSE"))
