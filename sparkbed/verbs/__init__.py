"""What the verbs do and print; tasks.py names them, the rooms do the work."""
