"""kmeans: the algorithm of Spark's own example over random points of whole numbers, in plain Python.

Spark's example uses NumPy in the executors; this does not, so that an executor needs nothing but Python. One timed
repetition is a whole run of num-iterations steps from the same first centres; it does not stop sooner.
"""

from random import Random

from sparkbed_application import WrongResult, run

OPTIONS = {
    "num-points": int,
    "num-dimensions": int,
    "max-coordinate": int,
    "num-clusters": int,
    "num-iterations": int,
    "num-partitions": int,
}


def random_points(count, dimensions, largest, seed):
    """`count` points, tuples of whole numbers from 0 to `largest`."""
    draw = Random(seed).randint  # noqa: S311 - test data
    return [tuple(draw(0, largest) for _ in range(dimensions)) for _ in range(count)]


def first_centres(points, clusters, seed):
    """The points that the run starts from: drawn without putting back."""
    return [tuple(map(float, point)) for point in Random(seed).sample(points, clusters)]  # noqa: S311 - test data


def closest(point, centres):
    """The number of the nearest centre (the first of equals), and the squared distance to it."""
    best, best_distance = 0, float("inf")
    for number, centre in enumerate(centres):
        distance = 0.0
        for coordinate, middle in zip(point, centre):  # noqa: B905 - executors may run Python 3.8 and 3.9
            difference = coordinate - middle
            distance += difference * difference
        if distance < best_distance:
            best, best_distance = number, distance
    return best, best_distance


def merge(left, right):
    """Add up (coordinates, points, cost) of one cluster."""
    coordinates = tuple(map(sum, zip(left[0], right[0])))  # noqa: B905 - as above
    return coordinates, left[1] + right[1], left[2] + right[2]


def step(points, centres):
    """What one step finds: {cluster: (sum of coordinates, points, cost)}, computed by Spark."""

    def assigned(point):
        number, distance = closest(point, centres)
        return number, (point, 1, distance)

    return points.map(assigned).reduceByKey(merge).collectAsMap()


def moved(centres, clusters):
    """The means of the clusters; a centre without points stays where it is."""
    return [
        tuple(total / clusters[number][1] for total in clusters[number][0]) if number in clusters else centre
        for number, centre in enumerate(centres)
    ]


def distributed_kmeans(points, centres, iterations):
    """The centres after `iterations` steps, and each step's clusters."""
    steps = []
    for _ in range(iterations):
        clusters = step(points, centres)
        steps.append(clusters)
        centres = moved(centres, clusters)
    return centres, steps


def cost(clusters):
    """The sum of squared distances to the nearest centre that a step found."""
    return sum(clusters[number][2] for number in sorted(clusters))


def column_sums(rows):
    """The sum of each column."""
    return tuple(map(sum, zip(*rows)))  # noqa: B905 - as above


def check_steps(steps, points, iteration):
    """Raise WrongResult unless every step has each point once and the cost never rises.

    Coordinates are whole numbers, so their sums are compared exactly.
    """
    totals = column_sums(points)
    for number, clusters in enumerate(steps, 1):
        counted = sum(cluster[1] for cluster in clusters.values())
        if counted != len(points):
            raise WrongResult(
                f"iteration {iteration}, step {number}: {counted} points in the clusters, not {len(points)}"
            )
        added = column_sums([cluster[0] for cluster in clusters.values()])
        if added != totals:
            raise WrongResult(f"iteration {iteration}, step {number}: coordinates add up to {added}, not {totals}")
        if number > 1:
            before, now = cost(steps[number - 2]), cost(clusters)
            if now > before * (1 + 1e-9):
                raise WrongResult(f"iteration {iteration}, step {number}: the cost rose from {before} to {now}")


def prepare(context, options):
    points = random_points(
        options["num-points"], options["num-dimensions"], options["max-coordinate"], options["random-seed"]
    )
    stored = context.parallelize(points, options["num-partitions"]).cache()
    stored.count()
    return points, stored, first_centres(points, options["num-clusters"], options["random-seed"])


def body(_context, options, data):
    return distributed_kmeans(data[1], data[2], options["num-iterations"])


def check(_context, _options, data, results):
    for iteration, (centres, steps) in enumerate(results, 1):
        check_steps(steps, data[0], iteration)
        if centres != results[0][0]:
            raise WrongResult(f"iteration {iteration} ended with other centres than the first")
    steps = results[0][1]
    return {"cost": cost(steps[-1]), "first_cost": cost(steps[0])}


if __name__ == "__main__":
    run("kmeans", OPTIONS, prepare, body, check)
