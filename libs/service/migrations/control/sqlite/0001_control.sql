-- What a service remembers beside its read models. All of it can be lost: it is only where to go on.

-- How far each reaction has read the log.
create table checkpoint (
    name text primary key,
    position integer not null
) strict;

-- Who is active; times in microseconds since 1970.
create table lease (
    name text primary key,
    holder text not null,
    until integer not null
) strict;

-- Entries that a reaction could not read: each waits here until a version that can.
create table parked_reaction (
    name text not null,
    position integer not null,
    stream text not null,
    reason text not null,
    primary key (name, position)
) strict;

-- Which generation of each read model answers.
create table generation (
    model text primary key,
    number integer not null
) strict;
