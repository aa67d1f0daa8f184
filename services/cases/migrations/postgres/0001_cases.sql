-- The read model of cases. Times are microseconds since 1970; lists are JSON. Everything here follows from the log.

create table case_row (
    id text primary key,
    -- Position of the entry that opened it: the number of the case.
    seq bigint not null unique,
    -- Position of the last entry that is in this row.
    version bigint not null,
    status text not null,
    status_label text,
    priority bigint not null,
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
    opened_at bigint not null,
    updated_at bigint not null,
    waiting_since bigint,
    snoozed_until bigint,
    held_until bigint,
    first_response_at bigint,
    resolved_at bigint,
    closed_at bigint,
    hold text,
    cycle bigint not null,
    escalation bigint not null,
    merged_into text,
    origin text not null,
    -- Whether anything happened while we were running: timers do not touch pure history.
    live bigint not null,
    tags jsonb not null,
    message_count bigint not null
);

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
);
create index case_identity_by_identity on case_identity (identity, case_id);

create table message (
    id text primary key,
    position bigint not null,
    direction text not null,
    account text not null,
    identity text,
    -- Whose key seals its words.
    owner text not null,
    author_name text,
    author_handle text,
    subject text,
    text text,
    sent_at bigint not null,
    detected_at bigint not null,
    visibility text not null,
    edits bigint not null,
    deleted_at bigint
);
create index message_by_owner on message (owner);

-- Names of people, in plain text: erased with them.
create table identity (
    id text primary key,
    name text,
    handle text,
    customer text
);

create table link (
    kind text not null,
    from_case text not null,
    to_case text not null,
    primary key (kind, from_case, to_case)
);
create index link_inverse on link (to_case);

-- Everything that was said in a case, for the full-text search.
create table said (
    id bigint generated always as identity primary key,
    case_id text not null,
    item text not null,
    -- Whose key seals it.
    owner text not null,
    text text not null,
    -- No stemming: customers write in every language.
    words tsvector generated always as (to_tsvector('simple', text)) stored,
    unique (case_id, item)
);
create index said_by_owner on said (owner);
create index said_by_item on said (item);

create index said_words on said using gin (words);
create index case_tags on case_row using gin (tags);
