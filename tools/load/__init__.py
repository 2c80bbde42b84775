"""`load`: as many requests as the local stack can process, while its parts fail in turn.

`callers` (under Locust) send requests and record each response in a journal. Meanwhile `run` makes
the parts fail and recover. `compare` compares the tables with the journal. `report` and `plot` show
how long responses took.

May import: `tools`, `tools.local_stack`
"""
