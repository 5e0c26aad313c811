"""python-agg-by-key-int: whole numbers are added up by key."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Aggregation

if __name__ == "__main__":
    test = Aggregation(text=False)
    run("python-agg-by-key-int", OPTIONS, test.prepare, test.body, test.check)
