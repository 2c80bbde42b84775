"""The Appointments Create API: one operation, told from top to bottom.

===============================================  ===============================================
`handler`                                        the Lambda entry: event in, answer out
`create`, `replay`, `owed`                       the use case, and the two other ways to it
`api_gateway`, `idempotency`, `responses`        the edge, the key, what is answered
`mailing`, `notifications`                       the email, what people are told
`delivery`, `outbox`                             one delivery of an email, what is owed of it
`sessions`, `records`, `appointments`            the tables
`tables`, `mandrill`                             what the tables share; the email service
`decoding`, `validation`                         the body, the parameters
`request`, `parameters`                          what is asked for
`parsers`, `errors`                              how values are read, what carries a status up
`clients`, `observability`                       the ground: AWS clients, log
`statuses`, `reasons`, `settings`, `wire`         statuses; why things fail; the environment; JSON
===============================================  ===============================================

Every import points to a lower floor; only values and one exception, `ApiError`, come up.
"""
