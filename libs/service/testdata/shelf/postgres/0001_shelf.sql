create table shelf (
    stream text primary key,
    entries bigint not null,
    sum bigint not null,
    -- The positions in the order in which they were applied.
    trail text not null
);
