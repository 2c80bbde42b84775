"""The execution environment of the function: its caches, and how to clear them."""


def reset_environment() -> None:
    """Make this process a new execution environment, with nothing cached."""
    from appointments import notifier  # noqa: PLC0415 - moto first
    from appointments.email import mandrill_client  # noqa: PLC0415 - moto first

    clear_route_cache()
    mandrill_client.reset()
    notifier.reset()


def clear_route_cache() -> None:
    """Empty the route's cache: the function reads the service and the route record again."""
    from appointments.tables import routes  # noqa: PLC0415 - moto first

    routes.clear_route_cache()
