-- Replies on their way, as their streams in the log have them. A read model: it follows from the log alone and can be
-- built again at any time. Who they go to and what they say stands nowhere but in the log.
create table delivery (
    reply text not null primary key,
    account text not null,
    -- As the contract calls it: queued, unclear, given_up …
    status text not null,
    -- The position of the entry that queued it: the order of a list.
    queued bigint not null,
    -- The position of its last entry.
    version bigint not null
);

create index delivery_by_status on delivery (status, queued);
