"""`load`: the local stack under all that it can bear while its parts fail in turn; nothing is lost.

`callers` (under Locust) send and note down what they were told, `run` breaks and mends the parts
meanwhile, `audit` holds the tables to the notes, `report` and `plot` tell how long answers took.

May import: `tools`, `tools.local_stack`
"""
