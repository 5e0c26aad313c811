"""python-als: ratings of random products by random users, factorised by alternating least squares."""

import math

from pyspark.mllib.recommendation import ALS
from sparkbed_application import run
from sparkbed_mllib import COMMON, check_better, check_same, generator, mean_of, predictions, train_and_test

OPTIONS = {
    **COMMON,
    "num-users": int,
    "num-products": int,
    "num-ratings": int,
    "num-iterations": int,
    "rank": int,
    "reg-param": float,
    "implicit-prefs": bool,
}


def ratings(context, options, count, seed):
    """(user, product, rating): from 0 to 5, or 0 and 1 when implicit; one of each pair within a partition."""
    partitions, users, products = options["num-partitions"], options["num-users"], options["num-products"]
    each, implicit = min(count // partitions, users * products), options["implicit-prefs"]

    def partition(index, _):
        random, seen = generator(seed, index), set()
        while len(seen) < each:
            pair = int(random.integers(users)), int(random.integers(products))
            if pair not in seen:
                seen.add(pair)
                yield (*pair, float(random.integers(2)) if implicit else float(random.random() * 5))

    return context.parallelize(range(partitions), partitions).mapPartitionsWithIndex(partition)


def prepare(context, options):
    return train_and_test(lambda rows, seed: ratings(context, options, rows, seed), options["num-ratings"], options)


def body(_context, options, data):
    train = ALS.trainImplicit if options["implicit-prefs"] else ALS.train
    model = train(
        data[0],
        rank=options["rank"],
        iterations=options["num-iterations"],
        lambda_=options["reg-param"],
        blocks=options["num-partitions"],
        seed=options["random-seed"] + 12,
    )
    model.implicit = options["implicit-prefs"]
    return model


def error(model, data):
    """The root of the mean squared error; pairs whose user or product is not known to the model are left out."""
    low, high = (0.0, 1.0) if model.implicit else (-math.inf, math.inf)
    predicted = model.predictAll(data.map(lambda rating: rating[:2]))
    pairs = predicted.map(lambda one: ((one.user, one.product), max(min(one.rating, high), low)))
    both = pairs.join(data.map(lambda rating: (rating[:2], rating[2]))).values()
    squares = both.map(lambda pair: ((pair[0] - pair[1]) ** 2, 1))
    total, count = squares.fold((0.0, 0), lambda one, other: (one[0] + other[0], one[1] + other[1]))
    return math.sqrt(total / count) if count else 0.0


def check(_context, options, data, results):
    train, model = data[0], results[-1]
    found = error(model, train)
    users = train.map(lambda rating: rating[0]).distinct().count()
    check_same("the number of users", model.userFeatures().count(), users)
    if not options["implicit-prefs"]:
        check_better("error", found, math.sqrt(mean_of(train, lambda rating: rating[2] ** 2)))
    return {"ratings": train.count(), "users": users, "training_metric": found}


if __name__ == "__main__":
    run("python-als", OPTIONS, prepare, body, check, predictions(error, "RMSE"))
