-- Who had each lease, and from when to when: written with the lease itself, in the same statement, so that an audit can see
-- whether one was ever held twice. The newest thousand terms of a lease are kept.
create table lease_term (
    name text not null,
    token bigint not null,
    owner text not null,
    since timestamptz not null,
    -- Moved on by each renewal, and back when the lease is given back.
    until timestamptz not null,
    primary key (name, token)
);
