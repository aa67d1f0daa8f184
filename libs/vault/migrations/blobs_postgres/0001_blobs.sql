create table dossier_blobs.blobs (
    owner text not null,
    key_id uuid not null,
    address text not null,
    sealed bytea not null,
    stored_at bigint not null, -- microseconds since 1970
    primary key (owner, key_id, address)
);

-- Ciphertext does not compress; trying costs time on every write.
alter table dossier_blobs.blobs alter column sealed set storage external;
