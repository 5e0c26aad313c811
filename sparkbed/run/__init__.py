"""Running a suite: preflight, hosts, clusters, trials, and the campaign that holds them together."""
