"""python-kmeans: MLlib's k-means; as in spark-perf, of vectors of uniform numbers, which have no clusters."""

import numpy as np
from pyspark.mllib.clustering import KMeans
from sparkbed_application import WrongResult, run
from sparkbed_mllib import COMMON, check_same, vectors

OPTIONS = {**COMMON, "num-examples": int, "num-features": int, "num-centers": int, "num-iterations": int}


def prepare(context, options):
    data = vectors(context, options, options["num-examples"], options["num-features"], options["random-seed"])
    data.cache().count()
    return data


def body(_context, options, data):
    return KMeans.train(data, k=options["num-centers"], maxIterations=options["num-iterations"])


def check(_context, options, data, results):
    """A plain pass finds the model's cost, around as many centres as asked for, or fewer where points are the same."""
    model = results[-1]
    centres = np.array(model.clusterCenters)
    cost = data.map(lambda point: float(((centres - point.toArray()) ** 2).sum(axis=1).min())).sum()
    check_same("the cost", model.computeCost(data), cost)
    if not 1 <= len(centres) <= options["num-centers"]:
        raise WrongResult(f"there are {len(centres)} centres; {options['num-centers']} were asked for")
    return {"points": data.count(), "cost": cost}


if __name__ == "__main__":
    run("python-kmeans", OPTIONS, prepare, body, check)
