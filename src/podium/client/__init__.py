"""The app object, run handles and the sync portal: the only place that sees front and back end."""
