"""Commands for people who develop the service. Nothing here is shipped.

| folder | what it is for |
|---|---|
| `release` | from the code to what runs in AWS: locks, package, build, deployment |
| `local_stack` | the emulated AWS on this machine |
| `mandrill_sandbox` | the stand-in for Mandrill |
| `documents` | the documents that are made from the code |
| `callers_page` | the page for callers |
| `checks` | security scans and mutants: what the tests do not show |
| `load` | a load test, while parts of the stack fail |

The modules in this folder are for all of them, and import none of them. `__main__` has the commands
behind the Makefile. It alone imports from every folder.

May import: `appointments_operator`
"""
