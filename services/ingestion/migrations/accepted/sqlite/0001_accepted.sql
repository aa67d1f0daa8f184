-- How many messages and edits the log has, by the account and the hour in which they were recorded. A read model: it
-- follows from the log alone and can be built again at any time.
create table accepted (
    account text not null,
    -- The beginning of the hour, in microseconds since 1970.
    hour integer not null,
    count integer not null,
    primary key (hour, account)
) strict;
