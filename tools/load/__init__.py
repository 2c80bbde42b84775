"""`load`: as many requests as the local stack can process, while its parts fail in turn.

`callers` (under Locust) send requests and note the responses. Meanwhile `run` has the parts fail
and recover. `audit` compares the tables with the notes. `report` and `plot` show how long responses
took.

May import: `tools`, `tools.local_stack`
"""
