"""The stand-in for Mandrill: `account` decides, `server` speaks HTTP.

For the local stack, which starts it as a process, and for the tests.

May import: nothing
"""
