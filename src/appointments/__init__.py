"""The Appointments Create API: one operation, from the entry point down to the ground.

=================================================  =============================================
`handler`                                          the entry point: an event in, a response out
`responses`, `email.schedule`                      the body of a response; a schedule run
`create`                                           the use case
`api_gateway`, `replay`                            the two sources of a request
`email.sender`, `idempotency`                      the one sender; the uuid of a request
`email.recipients`, `notifications`                who gets the email; notifications
`email.mandrill`, `email.outbox`                   Mandrill's API; the email's state in its item
`tables.routes`, `tables.sessions`                 the switch of the route; the caller's session
`tables.records`, `tables.appointments`            the referenced records; the appointment items
`tables.base`, `decoding`, `validation`            shared by the tables; the body; the parameters
`clients`, `email.retries`                         AWS clients; when an email is tried again
`request`                                          a request, from either source
`parameters`, `email.state`                        what a caller may send; states of an email
`errors`, `parsers`                                errors and warnings; how a value is read
`observability`, `tables.dynamo_json`              log and metrics; DynamoDB's JSON
`invocation`, `tables.keys`                        one invocation; keys and fixed sets
`statuses`, `reasons`, `settings`                  statuses; reasons of failures; the environment
=================================================  =============================================

Each import points to a lower floor. A lower floor reports to a higher one by a return value or by
the exception `ApiError`.
"""
