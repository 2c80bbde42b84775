"""The documents that are made from what the code declares (`make docs`).

For callers, who read them.

May import: `appointments`, `appointments.email`, `appointments.tables`, `tools`
"""
