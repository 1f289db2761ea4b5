"""The server: the REST API and the dashboard, for a team or for one machine alone.

app       what `finops serve` runs; api and pages are its two faces
accounts  accounts, sessions and keys; reports and notices keep what else an account has
stores/   one small `Database`, on SQLite and on PostgreSQL
figures   reports in, the answers of the API out; pure
screen    what a page shows: overview fills it from reports, machine from the local ledger
local     the dashboard of this machine's ledger, without accounts
"""
