"""The console of operators: a page on 127.0.0.1 that shows and repairs what failed.

It is an extra of this distribution, `console`, and needs no network and no build: the templates and
htmx are files of this folder. Its actions run the code of the commands.

May import: `appointments.statuses`, `appointments.tables.keys`, `appointments_operator`
"""
