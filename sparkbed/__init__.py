"""sparkbed: a test bed for Spark under virtualization."""

__version__ = "0.1.0"
