"""What developers and operators run beside the function; none of it is shipped."""
