-- Who waits where, and how agents are. States are the fold of a stream, as JSON; times are microseconds since 1970.
-- Everything here follows from the log.

create table agent_row (
    person text primary key,
    -- Position of the last entry that is in this row.
    version bigint not null,
    state jsonb not null
);

create table route_row (
    case_id text primary key,
    version bigint not null,
    -- The queue in which it waits; none if it waits in none.
    queue text,
    since bigint,
    -- Why it waits, by the last decision.
    reason text,
    state jsonb not null
);

create index route_by_queue on route_row (queue, since, case_id) where queue is not null;

create table case_row (
    case_id text primary key,
    version bigint not null,
    -- Position of the entry that opened it: its number.
    seq bigint not null,
    customer text,
    assignee text,
    region text not null,
    team text,
    channel text not null,
    -- The smaller, the sooner: 0 is urgent, 3 is low.
    priority bigint not null
);

create unique index case_by_number on case_row (seq);

-- Who had a customer's cases, the latest first.
create table had (
    customer text primary key,
    person text not null,
    case_id text not null,
    at bigint not null
);
