"""python-scheduling-throughput: many tasks that count one number each."""

from sparkbed_application import WrongResult, run


def prepare(context, options):
    return None


def body(context, options, data):
    tasks = options["num-tasks"]
    return context.parallelize(range(tasks), tasks).count()


def check(context, options, data, results):
    for iteration, count in enumerate(results, 1):
        if count != options["num-tasks"]:
            raise WrongResult("iteration %d counted %d of %d tasks" % (iteration, count, options["num-tasks"]))
    return {"tasks": options["num-tasks"]}


if __name__ == "__main__":
    run("python-scheduling-throughput", {"num-tasks": int}, prepare, body, check)
