"""`admin verify`: see that a deployment is as the template says, and does what it promises.

It sends real requests with a token made for it, looks at what AWS has, and cleans up afterwards.

May import: `appointments.names`, `appointments.statuses`, `appointments.tables.keys`,
`appointments_operator`
"""
