"""The emulated AWS on this machine: start, deploy, seed, use, stop.

For people who develop, and for the tests.

May import: `appointments.names`, `appointments.notification`, `appointments.tables.keys`,
`appointments_operator`, `tools`, `tools.mandrill_sandbox`, `tools.release`
"""
