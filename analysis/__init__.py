"""What the numbers mean: statistics, decomposition, figures, report."""
