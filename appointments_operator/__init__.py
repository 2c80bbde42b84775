"""The operators' commands `admin` and `replay`, an extra of this distribution.

They reach a deployed stack only through AWS's APIs, and do not have the function's environment
variables. So they import only modules of `appointments` that read no environment variable.

May import: `appointments.email.state`, `appointments.names`, `appointments.notification`,
`appointments.parameters`, `appointments.reasons`, `appointments.statuses`,
`appointments.tables.keys`, `appointments.timestamps`, `appointments_operator.verify.command`,
`appointments_operator.web.server`
"""

import sys
from importlib.util import find_spec

if find_spec("click") is None:
    sys.exit("Install the commands with their libraries: uv tool install '.[operator]'")
