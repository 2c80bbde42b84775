"""The Appointments Create API: one operation, told from top to bottom.

===============================================  ===============================================
`handler`                                        the Lambda entry: event in, answer out
`create`, `replay`, `owed`                       the use case, and the two other ways to it
`http`, `answers`, `mailing`, `notifications`    the edge, the email, what people are told
`delivery`                                       one delivery of the email
`sessions`, `records`, `appointments`, `outbox`  the tables (on `tables`)
`mandrill`                                       the email service
`request`, `params`, `readers`, `statuses`       the contract's own vocabulary
`settings`, `clients`, `logs`                    the ground: environment, AWS clients, log
===============================================  ===============================================

Every import points to a lower floor; only values and one exception, `Failure`, come up.
"""
