"""`python -m sparkbed.spark_perf` writes suites/spark-perf.yml."""

from sparkbed.home import ROOT
from sparkbed.spark_perf.whole import whole_suite

if __name__ == "__main__":
    file = ROOT / "suites" / "spark-perf.yml"
    file.write_text(whole_suite(), encoding="utf-8")
    print(f"wrote {file}")
