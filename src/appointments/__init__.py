"""The Appointments Create API and its keeper, from the entry points down to the ground.

=================================================  =============================================
`handler`, `tab`                                   the entry points of the two functions
`responses`, `email.schedule`                      the body of a response; a schedule run
`email.batch_search`, `email.workers`              one search for many emails; slices for workers
`email.drain`, `email.settle`                      overdue emails; emails that operators want sent
`subscription`                                     a batch of a log subscription, as time permits
`create`                                           the use case
`api_gateway`, `replay`                            the two sources of a request
`email.sender`, `idempotency`                      the one sender; the uuid of a request
`email.search_result`, `email.put_off`             what a search says; items that break
`email.batch`, `email.overdue`                     many items in one read; what is overdue
`email.results`                                    how a try ended: logged, saved, notified
`email.recipients`, `notifier`                     who gets the email; notifications
`email.mandrill`, `email.outbox`                   Mandrill's API; the email's state in its item
`email.mandrill_client`, `email.circuit`           calls to Mandrill; the circuit breaker
`email.expiry`                                     when an appointment's item expires
`tables.routes`, `tables.sessions`                 the switch of the route; the caller's session
`tables.records`, `tables.appointments`            the referenced records; the appointment items
`tables.notifications`                             what the notifications tab shows
`tables.base`, `decoding`, `validation`            shared by the tables; the body; the parameters
`clients`, `email.retries`                         AWS clients; when an email is tried again
`request`                                          a request, from either source
`parameters`, `email.state`                        what a caller may send; states of an email
`errors`, `parsers`                                errors and warnings; how a value is read
`observability`, `tables.dynamo_json`              log and metrics; DynamoDB's JSON
`notification`, `tables.batch_get`                 one notification; many items, until all are read
`invocation`, `tables.keys`                        one invocation; keys and constants of the tables
`statuses`, `reasons`                              statuses; reasons of failures
`settings`, `keeper_settings`                      the environment of each function
`elapsed`, `time_limit`, `timestamps`              how long ago; a limit in time; times as texts
`names`, `snapshot`, `storms`                      names on the wire; after SnapStart; storms
=================================================  =============================================

Each import points to a lower floor. A lower floor reports to a higher one by a return value or by
the exception `ApiError`.
"""
