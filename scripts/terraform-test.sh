#!/usr/bin/env bash
# As an operator does it: `terraform apply` adds a validator to a devnet, `destroy` makes it leave. Needs terraform.
set -euo pipefail
cd "$(dirname "$0")/.."
icc=$PWD/target/debug/icc folder=$(mktemp -d) module=$PWD/deploy/terraform/validator
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
setsid "$icc" devnet --folder "$folder/net" >"$folder/devnet.out" 2>"$folder/devnet.log" </dev/null &
devnet=$!
end() {
    [ ! -e "$folder/mine/validator.pid" ] || kill "$(cat "$folder/mine/validator.pid")" 2>/dev/null || true
    kill -INT "$devnet" 2>/dev/null || true
    wait "$devnet" 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT
# The database runs as another user when we are root, and must get through.
chmod 711 "$folder"
for _ in $(seq 120); do
    ! grep -q "Ctrl-C ends it" "$folder/devnet.log" || break
    kill -0 "$devnet" || { cat "$folder/devnet.log" >&2; exit 1; }
    sleep 1
done
members() { "$icc" --json validators --config "$folder/net/icc.toml" | grep -o '"in_set":true' | wc -l; }
say() { [ "$(members)" = "$1" ] || { echo "$(members) in the set, not $1" >&2; exit 1; }; echo "$1 in the set"; }
terraform() { TF_DATA_DIR=$folder/terraform command terraform -chdir="$module" "$@" -no-color; }
arguments=(-state="$folder/state" -auto-approve -var "icc=$icc" -var "devnet=$folder/net" -var "folder=$folder/mine" -var "port=$port")
say 4
terraform init >/dev/null
terraform apply "${arguments[@]}"
say 5
terraform destroy "${arguments[@]}"
say 4
