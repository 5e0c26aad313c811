"""python-pearson: Pearson's correlations of columns."""

from sparkbed_correlation import run_correlation

if __name__ == "__main__":
    run_correlation("pearson", lambda column: column)
