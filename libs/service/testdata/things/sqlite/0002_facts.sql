create table fact (id integer not null primary key, int integer, text text, flag integer, json text) strict;
