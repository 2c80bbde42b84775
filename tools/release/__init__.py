"""From the code to what runs in AWS: pinned versions, the package, its build, the deployment.

For people who release. `package` (called by src/Makefile) and `lock` run on a bare Python.

May import: `tools`
"""
