-- What was said in web chats, and where it stands in the log. A read model: it follows from the log alone and can be built
-- again at any time. What was said, and by whom, stands nowhere but in the log.
create table said (
    -- The message's or the delivery's own.
    stream text not null primary key,
    conversation text not null,
    -- The position of the entry since which the visitor may see it: the order of a transcript. 0: not yet.
    shown integer not null,
    -- The position of the last entry that changed what is to be seen of it.
    changed integer not null
) strict;

create index said_in_order on said (conversation, shown);
create index said_since on said (conversation, changed);
create index said_anywhere_since on said (changed);
