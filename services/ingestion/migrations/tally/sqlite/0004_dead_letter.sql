-- What platforms told and could not be read: kept until somebody takes it again or gives it up. What it says lies sealed among
-- the blobs; here is nothing of it. Kept, not rebuilt.
create table dead_letter (
    -- Made of the account and what it says, under the site's key: the same again is the same.
    id text not null primary key,
    account text not null,
    connector text not null,
    -- kept, taken, discarded
    state text not null,
    -- Where it could not be read, and what should be there; never what is.
    path text not null,
    reason text not null,
    -- When it came, and when its state or reason last changed, in microseconds since 1970.
    received integer not null,
    changed integer not null,
    -- Of what it says.
    bytes integer not null check (bytes >= 0),
    -- How often somebody tried to take it again.
    retries integer not null,
    -- Where it lies; empty: it is not kept any more.
    blob text not null
) strict;
create index dead_letter_by_time on dead_letter (received, id);
create index dead_letter_by_account on dead_letter (account, state);
