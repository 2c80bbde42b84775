"""The peers: the same work, each the way its own documentation writes it.

All of them validate the body, read the session and the references, write once under a condition,
answer in the contract's JSON, log in JSON and emit metrics. None has what the function has beside:
the email and its outbox, notifications, replays, FileMaker's forms of dates, times and booleans,
the service and route records, marking sessions, warnings.
"""
