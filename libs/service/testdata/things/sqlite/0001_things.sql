create table thing (id integer not null primary key, int integer, real real, text text, bytes blob) strict;
