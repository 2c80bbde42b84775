"""The Appointments Create API: one operation, from the entry point down to the ground.

=================================================  =============================================
`handler`                                          the entry point: an event in, a response out
`responses`, `email.schedule`                      the body of a response; what is still pending
`create`                                           the use case
`api_gateway`, `replay`                            the two sources of a request
`email.sender`, `idempotency`                      the one sender; the uuid of a request
`email.recipients`, `notifications`                who gets the email; what people are told
`email.mandrill`, `email.outbox`                   the email service; the email in its item
`tables.routes`, `tables.sessions`                 the route's switch; who asks
`tables.records`, `tables.appointments`            what an appointment refers to; itself
`tables.base`, `decoding`, `validation`            what tables share; the body; its parameters
`clients`, `email.retries`                         AWS clients; when an email is tried again
`request`                                          a request, from either source
`parameters`, `email.state`                        what a caller may send; states of an email
`errors`, `parsers`                                what can be wrong; how a value is read
`observability`, `tables.dynamo_json`              log and metrics; DynamoDB's JSON
`invocation`, `tables.keys`                        one invocation; keys and closed sets
`statuses`, `reasons`, `settings`                  statuses; why things fail; the environment
=================================================  =============================================

Every import points to a lower floor; only values and one exception, `ApiError`, come up.
"""
