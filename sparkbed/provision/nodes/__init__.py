"""Nodes: the hosts behind the local endpoint. `base` is the contract, each kind stands in a file of its own."""
