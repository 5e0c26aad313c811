"""`python -m sparkbed.workloads` writes docs/workloads.md."""

from sparkbed.home import ROOT
from sparkbed.workloads.tables import markdown

if __name__ == "__main__":
    page = ROOT / "docs" / "workloads.md"
    page.write_text(markdown(), encoding="utf-8")
    print(f"wrote {page}")
