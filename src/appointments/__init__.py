"""The Appointments Create API."""
