-- Dead letters of an account are alike when the same is wrong at the same place: so many alike are kept, and the rest of what
-- nobody wrote is counted.

-- Place and reason without their numbers. Of letters from before: empty, one kind of their own.
alter table dead_letter add column kind text not null default '';
-- All that says how full a box is.
create index dead_letter_by_kind on dead_letter (state, account, kind, bytes);
drop index dead_letter_by_account;

-- What was counted and not kept.
create table dead_letter_count (
    account text not null,
    kind text not null,
    -- Of the last one: what read it, where it could not, and what should be there.
    connector text not null,
    path text not null,
    reason text not null,
    -- In microseconds since 1970.
    first_at integer not null,
    last_at integer not null,
    count integer not null check (count > 0),
    primary key (account, kind)
) strict;
