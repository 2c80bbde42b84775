"""The types of values that several commands take."""

import re
from typing import Final

import click


class _Address(click.ParamType[str]):
    """An address for emails."""

    name = "ADDRESS"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address, if it has the form of one."""
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
            self.fail(f"{value!r} is no address such as pat@planomatic.com.", param, ctx)
        return value


ADDRESS: Final = _Address()
