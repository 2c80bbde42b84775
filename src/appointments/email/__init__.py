"""The email of an appointment: who gets it, what became of it, and when it is tried again."""
