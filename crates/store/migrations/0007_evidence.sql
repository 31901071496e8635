-- Proofs of lies, found and to be submitted. One of a kind for each liar and subject: more would change nothing.
create table evidence (
    signer bytea not null,
    kind text not null,
    -- The lane; of sets, the epoch.
    subject bytea not null,
    -- Where it is to be submitted.
    chain_id bigint not null,
    -- JSON of `icc evidence verify`.
    body text not null,
    found_at timestamptz not null default now(),
    attempts int not null default 0,
    next_at timestamptz not null default now(),
    last_error text not null default '',
    -- What became of it; null: to be submitted.
    outcome text,
    primary key (signer, kind, subject)
);
create index on evidence (chain_id) where outcome is null;
