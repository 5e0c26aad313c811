"""pagerank: the algorithm of Spark's own example (pure RDD operations, plain Python) over random edges.

One timed repetition is a whole run: grouping the edges, num-iterations steps, and collecting the ranks. As in the
example, a vertex that no edge reaches has no rank, so the ranks do not add up to the number of vertices.
"""

from operator import add
from random import Random

from sparkbed_application import WrongResult, run

OPTIONS = {"num-edges": int, "num-vertices": int, "num-iterations": int, "num-partitions": int}
DAMPING = 0.85


def random_edges(count, vertices, seed):
    """`count` edges (source, target), each end drawn from 0 to vertices - 1; repeats and loops happen."""
    draw = Random(seed).randrange  # noqa: S311 - test data
    return [(draw(vertices), draw(vertices)) for _ in range(count)]


def contributions(entry):
    """What one vertex gives to each of its targets: an equal share of its rank."""
    _, (targets, rank) = entry
    share = rank / len(targets)
    return [(target, share) for target in targets]


def distributed_ranks(edges, iterations, partitions):
    """The ranks by vertex after `iterations` steps, computed by Spark."""
    links = edges.distinct(partitions).groupByKey(partitions).cache()
    ranks = links.mapValues(lambda _: 1.0)
    for _ in range(iterations):
        shares = links.join(ranks, partitions).flatMap(contributions)
        ranks = shares.reduceByKey(add, partitions).mapValues(lambda rank: rank * DAMPING + (1 - DAMPING))
    result = dict(ranks.collect())
    links.unpersist()
    return result


def sequential_ranks(edges, iterations):
    """The same, without Spark: what the result is compared with."""
    links = {}
    for source, target in sorted(set(edges)):
        links.setdefault(source, []).append(target)
    ranks = dict.fromkeys(links, 1.0)
    for _ in range(iterations):
        sums = {}
        for source, targets in links.items():
            if source in ranks:
                share = ranks[source] / len(targets)
                for target in targets:
                    sums[target] = sums.get(target, 0.0) + share
        ranks = {vertex: total * DAMPING + (1 - DAMPING) for vertex, total in sums.items()}
    return ranks


def check_ranks(found, expected, iteration):
    """Raise WrongResult unless both have the same vertices, and ranks that differ by rounding only."""
    if found.keys() != expected.keys():
        raise WrongResult(f"iteration {iteration} ranked {len(found)} vertices, not the {len(expected)} expected")
    for vertex, rank in expected.items():
        if not abs(found[vertex] - rank) <= 1e-9 * max(1.0, rank):
            raise WrongResult(f"iteration {iteration} gave vertex {vertex} the rank {found[vertex]}, not {rank}")


def prepare(context, options):
    edges = random_edges(options["num-edges"], options["num-vertices"], options["random-seed"])
    stored = context.parallelize(edges, options["num-partitions"]).cache()
    stored.count()
    return edges, stored


def body(_context, options, data):
    return distributed_ranks(data[1], options["num-iterations"], options["num-partitions"])


def check(_context, options, data, results):
    expected = sequential_ranks(data[0], options["num-iterations"])
    for iteration, found in enumerate(results, 1):
        check_ranks(found, expected, iteration)
    return {"vertices": len(expected), "rank_sum": sum(expected.values())}


if __name__ == "__main__":
    run("pagerank", OPTIONS, prepare, body, check)
