-- The read model of cases. Times are microseconds since 1970; lists are JSON. Everything here follows from the log.

create table case_row (
    id text primary key,
    -- Position of the entry that opened it: the number of the case.
    seq integer not null unique,
    -- Position of the last entry that is in this row.
    version integer not null,
    status text not null,
    status_label text,
    priority integer not null,
    title text,
    -- Whose key seals the title.
    title_owner text,
    category text,
    region text not null,
    team text,
    assignee text,
    account text not null,
    channel text not null,
    -- Of its customers' identities the first; the others are in case_identity.
    customer text,
    language text,
    opened_at integer not null,
    updated_at integer not null,
    waiting_since integer,
    snoozed_until integer,
    held_until integer,
    first_response_at integer,
    resolved_at integer,
    closed_at integer,
    hold text,
    cycle integer not null,
    escalation integer not null,
    merged_into text,
    origin text not null,
    -- Whether anything happened while we were running: timers do not touch pure history.
    live integer not null,
    tags text not null,
    message_count integer not null
) strict;

create index case_by_title_owner on case_row (title_owner) where title_owner is not null;
create index case_by_update on case_row (updated_at, id);
create index case_by_opening on case_row (opened_at, id);
create index case_by_waiting on case_row (waiting_since, id) where waiting_since is not null;
create index case_by_team on case_row (team, status, updated_at);
create index case_by_region on case_row (region, status, updated_at);
create index case_by_assignee on case_row (assignee, status) where assignee is not null;
create index case_by_snooze on case_row (snoozed_until) where snoozed_until is not null;
create index case_by_hold on case_row (held_until) where held_until is not null;
create index case_by_resolution on case_row (resolved_at) where status = 'resolved';

create table case_identity (
    case_id text not null,
    identity text not null,
    primary key (case_id, identity)
) strict, without rowid;
create index case_identity_by_identity on case_identity (identity, case_id);

create table message (
    id text primary key,
    position integer not null,
    direction text not null,
    account text not null,
    identity text,
    -- Whose key seals its words.
    owner text not null,
    author_name text,
    author_handle text,
    subject text,
    text text,
    sent_at integer not null,
    detected_at integer not null,
    visibility text not null,
    edits integer not null,
    deleted_at integer
) strict;
create index message_by_owner on message (owner);

-- Names of people, in plain text: erased with them.
create table identity (
    id text primary key,
    name text,
    handle text,
    customer text
) strict;

create table link (
    kind text not null,
    from_case text not null,
    to_case text not null,
    primary key (kind, from_case, to_case)
) strict, without rowid;
create index link_inverse on link (to_case);

-- Everything that was said in a case, for the full-text search.
create table said (
    id integer primary key,
    case_id text not null,
    item text not null,
    -- Whose key seals it.
    owner text not null,
    text text not null,
    unique (case_id, item)
) strict;
create index said_by_owner on said (owner);
create index said_by_item on said (item);

create virtual table said_text using fts5 (text, content = 'said', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2');
create trigger said_inserted after insert on said begin
    insert into said_text (rowid, text) values (new.id, new.text);
end;
create trigger said_deleted after delete on said begin
    insert into said_text (said_text, rowid, text) values ('delete', old.id, old.text);
end;
create trigger said_updated after update of text on said begin
    insert into said_text (said_text, rowid, text) values ('delete', old.id, old.text);
    insert into said_text (rowid, text) values (new.id, new.text);
end;
