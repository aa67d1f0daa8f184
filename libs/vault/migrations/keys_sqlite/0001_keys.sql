-- One row for the site: a value that only the right site key can open.
create table site (
    one integer primary key check (one = 1),
    check_value blob not null
) strict;

-- A key without its wrapped bytes is a tombstone: that it was, whose it was, and when it went.
create table keys (
    id text primary key not null,
    subject text not null,
    wrapped blob,
    destroyed_at integer, -- microseconds since 1970
    check ((wrapped is null) = (destroyed_at is not null))
) strict;

-- At most one live key per subject, whoever races.
create unique index keys_live on keys (subject) where destroyed_at is null;
create index keys_subject on keys (subject);
