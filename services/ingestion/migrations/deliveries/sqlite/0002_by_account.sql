-- By account, the newest first: what waits at one, and what it sent last.
create index delivery_by_account on delivery (account, version);
