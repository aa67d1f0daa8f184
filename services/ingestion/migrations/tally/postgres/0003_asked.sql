-- What is known of the accounts that are asked: how far, when again, what failed. Kept, not rebuilt; what is lost costs
-- requests, and the log finds the duplicates.
create table asked (
    -- An account of the policy. One that is removed leaves its row: if it comes back, it is asked on.
    account text not null primary key,
    -- As `asking::state` writes it, in JSON. Read and written as a whole, so that the store need not understand it.
    state text not null,
    -- When the platform last said that there is something, in microseconds since 1970. A column of its own, as another
    -- process than the one that asks may hear it.
    wanted_at bigint
);
