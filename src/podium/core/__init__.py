"""The narrow waist: pure values, protocols and names. No I/O, no clock, no chance."""
