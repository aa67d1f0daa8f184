-- What is known of the feeds that are asked: what the next request is compared with, when it is due, what was handed on.
-- Kept, not rebuilt; what is lost costs a request, and the log finds the duplicates.
create table feed (
    -- An account of the policy. One that is removed leaves its row: if it comes back, its entries are no news.
    account text not null primary key,
    -- As `feeds::Poll` writes it, in JSON. Read and written as a whole, so that the store need not understand it.
    poll text not null
) strict;
