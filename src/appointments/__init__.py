"""The Appointments Create API: one operation, from the entry point down to the ground.

===============================================  ===============================================
`handler`                                        the entry point: an event in, a response out
`create`, `owed`                                 the use case; the schedule
`api_gateway`, `replay`, `idempotency`           the two ways in; the uuid of a request
`responses`, `mailing`                           the response; the email
`notifications`, `delivery`                      what people are told; who gets the email
`outbox`, `mandrill`                             the pending email in its item; the email service
`tables.routes`, `tables.sessions`               the route's switch, who asks
`tables.records`, `tables.appointments`          what an appointment refers to, and itself
`tables.base`                                    what the tables share
`decoding`, `validation`                         the body, the parameters
`request`, `parameters`                          a request, what it may hold
`parsers`, `errors`                              how a value is read, what can be wrong
`clients`, `observability`                       AWS clients; log and metrics
`tables.dynamo_json`, `tables.keys`              DynamoDB's JSON; keys and closed sets
`statuses`, `reasons`, `settings`                the contract's statuses, causes, the environment
===============================================  ===============================================

Every import points to a lower floor; only values and one exception, `ApiError`, come up.
"""
