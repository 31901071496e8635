-- Chains whose indexer has stopped until somebody has looked, and why.
create table chain_halt (
    chain_id bigint primary key,
    problem text not null,
    halted_at timestamptz not null default now()
);
