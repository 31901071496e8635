-- What is not on a chain. Backed up, or asked of the validators again.

create table attestation (
    lane bytea not null,
    nonce bigint not null,
    accumulator bytea not null,
    signer bytea not null,
    signature bytea not null,
    received_at timestamptz not null default now(),
    primary key (lane, nonce, signer, accumulator)
);

-- Checkpoints that a quorum of the destination's set has signed.
create table checkpoint (
    lane bytea not null,
    nonce bigint not null,
    accumulator bytea not null,
    quorum_at timestamptz not null default now(),
    primary key (lane, nonce)
);

-- One owner at a time, by the database's clock. The token grows each time it is taken.
create table lease (
    name text primary key,
    owner text not null,
    token bigint not null,
    expires_at timestamptz not null
);

-- Recorded messages that the relay has tried to execute.
create table execute_attempt (
    lane bytea not null,
    nonce bigint not null,
    attempts int not null,
    next_at timestamptz not null,
    last_error text not null,
    primary key (lane, nonce)
);

-- Why a lane's relay does not get on, for people; empty when it does.
create table relay_note (
    lane bytea primary key,
    note text not null,
    noted_at timestamptz not null default now()
);
