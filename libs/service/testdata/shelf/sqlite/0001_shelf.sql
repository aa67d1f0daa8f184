create table shelf (
    stream text primary key,
    entries integer not null,
    sum integer not null,
    -- The positions in the order in which they were applied.
    trail text not null
) strict;
