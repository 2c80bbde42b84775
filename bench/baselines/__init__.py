"""The baselines: the same work, each with its libraries used as their own documentation shows.

All of them validate the body, read the session and the references, write once under a condition,
respond in the contract's JSON, log in JSON and emit metrics. None has the function's other parts:
the email and its outbox, notifications, replays, FileMaker's forms of dates, times and booleans,
the service and route records, marking sessions, warnings.
"""
