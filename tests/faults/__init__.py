"""Faults in every outside effect of a request: nothing is lost, and nothing happens twice.

===============  ===================================================================
`io_boundary`    the effects, seen where botocore and urllib3 send, and the faults there
`mandrill`       a model of Mandrill: one function
`simulation`     AWS on moto, a clock, and the function invoked in them
`scenarios`      what is being done when the faults are injected, and what recovers it
`invariants`     what holds afterwards, whatever the faults
`limits`         the function's limits, so small that a few appointments reach them
`schedules`      all single faults, all pairs, all interleavings of two deliveries
===============  ===================================================================

`python -m tests.faults` runs all pairs; `python -m tests.faults --only '<run>'` repeats one.
"""
