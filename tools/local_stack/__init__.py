"""The emulated AWS on this machine: start, deploy, seed, use, stop.

For people who develop, and for the tests.

May import: `appointments.tables.keys`, `tools`, `tools.release`
"""
