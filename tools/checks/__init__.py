"""Checks of the code that are no tests: security scans (`make audit`) and mutants (`make mutants`).

For people who develop.

May import: `tools`
"""
