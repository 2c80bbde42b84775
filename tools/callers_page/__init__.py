"""The page for callers: the guide, the viewer of the OpenAPI document, and how a value is read.

The local stack serves it (`make run` prints its address), and `make docs` writes it as one file.
Its text is `docs/calling.md`, its viewer Swagger UI.

May import: `appointments`, `appointments_operator.web.guard`, `tools`, `tools.documents`,
`tools.local_stack.seeds`
"""
