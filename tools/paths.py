"""Where the project's files are."""

from typing import Final

from tools.bootstrap import LOCAL, ROOT

TEMPLATE: Final = ROOT / "template.yaml"
SAMCONFIG: Final = ROOT / "samconfig.toml"
SOURCE: Final = ROOT / "src"
EVENTS: Final = ROOT / "events"
SAM: Final = LOCAL / "sam" / "bin" / "sam"
MINISTACK: Final = LOCAL / "ministack" / "bin" / "python"
EMULATOR: Final = ROOT / "tools" / "local_stack" / "emulator.py"
