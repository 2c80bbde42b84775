"""The bench: the function against its peers, measured (`make bench` writes REPORT.md)."""
