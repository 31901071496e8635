-- Whether the set's members have signed a checkpoint in time is judged once.
alter table checkpoint add column judged boolean not null default false;
create index on checkpoint (lane, nonce) where not judged;

-- Who had not, of the last seven days.
create table late (
    lane bytea not null,
    nonce bigint not null,
    signer bytea not null,
    noted_at timestamptz not null default now(),
    primary key (lane, nonce, signer)
);
create index on late (noted_at);
