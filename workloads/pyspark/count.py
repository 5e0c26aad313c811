"""python-count: text records are counted."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, check_counts, expected_records, generate


def prepare(context, options):
    return generate(context, options, True)


def body(_context, _options, data):
    return data.count()


def check(_context, options, _data, results):
    check_counts(results, expected_records(options), "records")
    return {"records": expected_records(options), "counted": results[0]}


if __name__ == "__main__":
    run("python-count", OPTIONS, prepare, body, check)
