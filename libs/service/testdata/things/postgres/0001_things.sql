create table thing (id bigint not null primary key, int bigint, real double precision, text text, bytes bytea);
