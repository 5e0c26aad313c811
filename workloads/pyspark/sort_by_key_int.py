"""python-sort-by-key-int: whole numbers are sorted by key into reduce-tasks partitions, and counted."""

from sparkbed_application import run
from sparkbed_key_value import OPTIONS, Sorting

test = Sorting(False)
if __name__ == "__main__":
    run("python-sort-by-key-int", OPTIONS, test.prepare, test.body, test.check)
