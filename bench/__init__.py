"""The bench: the function against its baselines, measured (`make bench` writes REPORT.md)."""

import sys

from tools.paths import SOURCE

# The seeds take their keys from the function. What is measured runs in processes with own paths.
sys.path.append(str(SOURCE))
