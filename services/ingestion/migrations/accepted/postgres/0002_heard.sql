-- When a customer last wrote to each account, as the log has it; imported history does not count. Follows from the log
-- alone, as what it stands beside does.
create table heard (
    account text not null primary key,
    -- In microseconds since 1970.
    at bigint not null
);

-- By account first: what came in at one of them is compared with what came in at it in past weeks.
create index accepted_by_account on accepted (account, hour);
