-- A validator asks at its start what its key has signed.
create index on attestation (signer, lane, nonce, accumulator);
