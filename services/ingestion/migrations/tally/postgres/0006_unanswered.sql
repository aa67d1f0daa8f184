-- Calls of platforms that were answered "not now" after something of them had come into the log, and how much that was: when
-- they come again, that is no second delivery. Kept until they do, or until no platform tries any more.
create table unanswered (
    account text not null,
    -- A keyed digest of the call.
    call text not null,
    accepted bigint not null check (accepted >= 0),
    -- How many of its dead letters were new.
    letters bigint not null check (letters >= 0),
    -- When it was answered last, in microseconds since 1970.
    at bigint not null,
    primary key (account, call)
);
create index unanswered_at on unanswered (at);
