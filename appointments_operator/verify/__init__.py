"""`admin verify`: check that a deployment is as the template says, and works.

It sends real requests with its own tokens, reads the settings in AWS, and cleans up afterwards.

May import: `appointments.names`, `appointments.statuses`, `appointments.tables.keys`,
`appointments_operator`
"""
