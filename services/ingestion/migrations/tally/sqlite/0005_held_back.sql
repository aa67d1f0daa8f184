-- Of what was accepted: mails that count as a machine's because one sender wrote the same again and again. They are in the log,
-- and open nothing.
alter table tally add column held_back integer not null default 0 check (held_back >= 0);
