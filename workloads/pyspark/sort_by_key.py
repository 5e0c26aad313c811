"""python-sort-by-key: text records are sorted by key into reduce-tasks partitions, and counted."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Sorting

test = Sorting(True)
if __name__ == "__main__":
    run("python-sort-by-key", OPTIONS, test.prepare, test.body, test.check)
