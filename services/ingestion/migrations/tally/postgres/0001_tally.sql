-- What came in and left no entry in the log: second deliveries, and what was rejected. It is counted here before the
-- sender is answered, and nowhere else: this store is kept, not rebuilt.
--
-- There is no column for what was received. It is always the sum, so that no crash can make the two differ.
create table tally (
    -- An account of the policy, or '(unknown)' for whatever named none.
    account text not null,
    -- The beginning of the hour in which it came in, in microseconds since 1970.
    hour bigint not null,
    duplicate bigint not null check (duplicate >= 0),
    rejected bigint not null check (rejected >= 0),
    -- By hour first: the ledger is read by the time.
    primary key (hour, account)
);
