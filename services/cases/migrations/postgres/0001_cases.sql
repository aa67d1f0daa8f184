-- The read model of cases. Times are microseconds since 1970; lists are JSON. Everything here follows from the log.

create table case_row (
    id text primary key,
    -- Position of the entry that opened it: the number of the case.
    seq bigint not null unique,
    -- Position of the last entry that is in this row.
    version bigint not null,
    status text not null,
    status_label text,
    -- The smaller, the sooner: 0 is urgent, 3 is low.
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
    -- The largest number there is where nobody waits: then it is last, and never null.
    waiting_since bigint not null,
    snoozed_until bigint,
    held_until bigint,
    first_response_at bigint,
    resolved_at bigint,
    closed_at bigint,
    hold text,
    cycle bigint not null,
    escalation bigint not null,
    -- The team that is asked to help, and sees the case for that.
    escalated_to text,
    merged_into text,
    origin text not null,
    -- Whether anything happened while we were running: timers do not touch pure history.
    live bigint not null,
    tags jsonb not null,
    message_count bigint not null
);

create index case_by_title_owner on case_row (title_owner) where title_owner is not null;

-- One for each order of a list: a page is a range of it.
create index case_by_update on case_row (updated_at, id);
create index case_by_opening on case_row (opened_at, id);
create index case_by_waiting on case_row (waiting_since, id);
create index case_by_priority on case_row (priority, waiting_since, id);

-- For what somebody has before him: of all cases few are in work.
create index case_by_team on case_row (team, status);
create index case_by_assignee on case_row (assignee, status) where assignee is not null;

-- One for each timer, of nothing but what it may have to fire.
create index case_to_wake on case_row (snoozed_until, id)
    where snoozed_until is not null and live = 1 and status not in ('spam', 'merged', 'closed');
create index case_to_resume on case_row (held_until, id)
    where held_until is not null and live = 1 and status = 'on_hold';
create index case_to_close on case_row (region, team, resolved_at, id)
    where status = 'resolved' and live = 1;

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
    handle text
);

-- To whom an identity was ever linked; whether it still is, the log says.
create table identity_link (
    identity text not null,
    customer text not null,
    primary key (identity, customer)
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
    -- What the search knows of it, with a space between terms.
    terms text not null,
    unique (item, case_id)
);
create index said_by_owner on said (owner);
-- The terms are as they are to be found: no parser and no dictionary of the server has a say in it. Which text has which
-- is enough: their order is in the text itself.
create index said_terms on said using gin (array_to_tsvector(string_to_array(terms, ' ')));

create index case_tags on case_row using gin (tags);
