#!/usr/bin/env bash
# Makes a validator leave: asks to, goes on attesting until an epoch without it is made, then ends the process.
set -euo pipefail
key=$folder/validator.key config=$folder/icc.toml
status() { "$icc" --json validator status --config "$config" --key-file "$key"; }
if status | grep -q '"standing":"\(Active\|Waiting\|Jailed\)"'; then
    "$icc" validator exit --config "$config" --key-file "$key" >/dev/null
fi
for _ in $(seq 120); do
    if status | grep -q '"in_set":false'; then
        pid=$(cat "$folder/validator.pid")
        kill "$pid" 2>/dev/null || true
        rm -f "$folder/validator.pid"
        status
        exit 0
    fi
    sleep 1
done
echo "it is still in the set after two minutes; the process goes on" >&2
exit 1
