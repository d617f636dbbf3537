"""Test-time compute: several samples in place of one, and a report of what each of them bought."""
