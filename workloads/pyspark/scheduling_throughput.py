"""python-scheduling-throughput: many tasks that count one number each."""

from sparkbed_application import WrongResult, run


def prepare(_context, _options):
    return None


def body(context, options, _data):
    tasks = options["num-tasks"]
    return context.parallelize(range(tasks), tasks).count()


def check(_context, options, _data, results):
    for iteration, count in enumerate(results, 1):
        if count != options["num-tasks"]:
            raise WrongResult(f"iteration {iteration} counted {count} of {options['num-tasks']} tasks")
    return {"tasks": options["num-tasks"]}


if __name__ == "__main__":
    run("python-scheduling-throughput", {"num-tasks": int}, prepare, body, check)
