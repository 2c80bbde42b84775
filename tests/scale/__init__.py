"""`make scale`: the real handler in virtual time, with many execution environments at once.

`virtual_time` has the clock and the queue of events, `boundary` what each call takes and how an
outage ends it, `index` the sparse index, `world` the environments, callers, schedule and workers,
`scenarios` what is tried and the goals, `report` and `plots` what docs/scale.md shows.
"""
