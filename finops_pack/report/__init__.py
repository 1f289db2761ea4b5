"""The daily report: made from the ledger, kept in an outbox, delivered over the REST API.

`reports.open_reports` is what the faces use; `model` and `answers` are shared with the server.
"""
