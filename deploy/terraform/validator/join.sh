#!/usr/bin/env bash
# Starts a validator with a key of its own on a devnet, and waits until it is in the set. What it needs is in the
# environment: icc, devnet, folder, port, bond.
set -euo pipefail
umask 077
mkdir -p "$folder"
key=$folder/validator.key config=$folder/icc.toml
[ -e "$key" ] || "$icc" keys new "$key" >/dev/null
address=$("$icc" keys address --key-file "$key")

# The devnet's configuration, with two names of each node: a validator has no fewer than two endpoints that agree.
sed -E 's#^rpc_urls = \["http://127\.0\.0\.1:([0-9]+)/?"\]#rpc_urls = ["http://127.0.0.1:\1", "http://localhost:\1"]#' \
    "$devnet/icc.toml" >"$config"
export ICC__VALIDATOR__LISTEN=127.0.0.1:$port ICC__VALIDATOR__JOURNAL=$folder/validator.journal

# Who owns the network allows it and gives it coins; elsewhere, that is two people's business.
"$icc" registry --config "$devnet/icc.toml" --key-file "$devnet/operator.key" allow "$address" >/dev/null
hub=$(sed -nE '/^registry = /,$p' "$devnet/icc.toml" | sed -nE 's#^rpc_urls = \["([^"]+)".*#\1#p' | head -1)
curl --silent --show-error --fail --noproxy '*' -H 'content-type: application/json' "$hub" -o /dev/null -d \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"anvil_setBalance\",\"params\":[\"$address\",\"0x56bc75e2d63100000\"]}"

setsid "$icc" validator --config "$config" --key-file "$key" \
    --register --bond "$bond" --url "http://127.0.0.1:$port/" >"$folder/validator.log" 2>&1 </dev/null &
echo $! >"$folder/validator.pid"

for _ in $(seq 120); do
    if "$icc" --json validator status --config "$config" --key-file "$key" | grep -q '"in_set":true'; then
        echo "$address is in the set"
        exit 0
    fi
    kill -0 "$(cat "$folder/validator.pid")" || { tail -5 "$folder/validator.log" >&2; exit 1; }
    sleep 1
done
echo "$address is not in the set after two minutes; see $folder/validator.log" >&2
exit 1
