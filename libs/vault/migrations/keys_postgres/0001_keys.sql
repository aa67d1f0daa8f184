-- One row for the site: a value that only the right site key can open.
create table dossier_keys.site (
    one integer primary key check (one = 1),
    check_value bytea not null
);

-- A key without its wrapped bytes is a tombstone: that it was, whose it was, and when it went.
create table dossier_keys.keys (
    id uuid primary key,
    subject text not null,
    wrapped bytea,
    destroyed_at bigint, -- microseconds since 1970
    check ((wrapped is null) = (destroyed_at is not null))
);

-- At most one live key per subject, whoever races.
create unique index keys_live on dossier_keys.keys (subject) where destroyed_at is null;
create index keys_subject on dossier_keys.keys (subject);
