"""The durable log: records, store protocol, payloads, SQLite and the simulator's store."""
