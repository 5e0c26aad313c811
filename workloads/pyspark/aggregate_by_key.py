"""python-agg-by-key: values of text records are made numbers and added up by key."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Aggregation, reduced

test = Aggregation(True, reduced)
if __name__ == "__main__":
    run("python-agg-by-key", OPTIONS, test.prepare, test.body, test.check)
