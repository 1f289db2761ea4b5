"""The daily report: its models, its making, the outbox and the REST client."""
