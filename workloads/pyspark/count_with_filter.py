"""python-count-w-fltr: text records whose value is odd are counted."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, check_counts, expected_records, generate, input_data


def prepare(context, options):
    return generate(context, options, True)


def body(_context, _options, data):
    return data.filter(lambda pair: int(pair[1]) % 2).count()


def check(context, options, _data, results):
    odd = input_data(context, options, False).map(lambda pair: pair[1] % 2).sum()
    check_counts(results, odd, "records with an odd value")
    return {"records": expected_records(options), "counted": odd}


if __name__ == "__main__":
    run("python-count-w-fltr", OPTIONS, prepare, body, check)
