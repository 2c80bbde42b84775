"""The function's execution environment: what it keeps between requests, forgotten at will."""


def reset_environment() -> None:
    """Make this process a new execution environment, with nothing cached."""
    from appointments import notifications  # noqa: PLC0415 - moto first
    from appointments.email import mandrill_client  # noqa: PLC0415 - moto first

    forget_route()
    mandrill_client.forget()
    notifications.forget()


def forget_route() -> None:
    """Have the function read the service record and the route record again."""
    from appointments.tables import routes  # noqa: PLC0415 - moto first

    routes.forget_route()
