-- Why one is not sent, as the contract calls it: window_closed, opted_out …; empty where there is nothing to say.
alter table delivery add column reason text not null default '';
