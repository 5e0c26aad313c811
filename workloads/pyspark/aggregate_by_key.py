"""python-agg-by-key: values of text records are made numbers and added up by key."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Aggregation

if __name__ == "__main__":
    test = Aggregation(text=True)
    run("python-agg-by-key", OPTIONS, test.prepare, test.body, test.check)
