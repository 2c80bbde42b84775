"""The commands' common behaviour: as the operators' commands, and the local stack's troubles."""

from typing import Any

import click
import urllib3

from appointments_operator.command import Command, Group
from tools.errors import ToolError, ToolUsageError

__all__ = ["Command", "ToolGroup"]


class ToolGroup(Group):
    """A group whose commands call the local stack."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; wrong usage, or a service without a response, is one line."""
        try:
            return super().invoke(ctx)
        except click.UsageError as failed:
            raise ToolUsageError(failed.message) from failed
        except urllib3.exceptions.HTTPError as failed:
            raise ToolError(
                f"A service of the local stack does not respond ({type(failed).__name__}): make up "
                "starts what is missing."
            ) from failed
