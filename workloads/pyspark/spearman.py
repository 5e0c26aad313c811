"""python-spearman: Spearman's correlations of columns, those of their ranks."""

from sparkbed_correlation import run_correlation

if __name__ == "__main__":
    run_correlation("spearman", lambda column: column.argsort().argsort())
