"""python-agg-by-key-int: whole numbers are added up by key."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Aggregation, reduced

test = Aggregation(False, reduced)
if __name__ == "__main__":
    run("python-agg-by-key-int", OPTIONS, test.prepare, test.body, test.check)
