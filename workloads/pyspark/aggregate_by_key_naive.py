"""python-agg-by-key-naive: values of text records are gathered by key and then added up."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Aggregation, gathered

test = Aggregation(True, gathered)
if __name__ == "__main__":
    run("python-agg-by-key-naive", OPTIONS, test.prepare, test.body, test.check)
