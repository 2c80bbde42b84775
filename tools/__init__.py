"""Commands for whoever develops or operates the service; nothing here is shipped with it."""
