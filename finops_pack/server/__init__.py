"""The server: the REST API and the dashboard, for a team or for one machine alone.

app       what `finops serve` runs; api and pages are its two faces
store     accounts, keys, reports and alerts over one small `Database`
stores/   that database on SQLite and on PostgreSQL
figures   reports in, the answers of the API out; pure
screen    what a page shows, from reports or from the local ledger
"""
