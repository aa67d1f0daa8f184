create table fact (id bigint not null primary key, int bigint, text text, flag bigint, json jsonb);
