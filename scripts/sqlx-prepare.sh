#!/usr/bin/env bash
# Writes .sqlx, the offline data by which queries are checked without a database: starts a PostgreSQL of its own,
# applies the migrations, and has the macros ask it. Needs PostgreSQL 15 or newer installed.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(pg_config --bindir)
folder=$(mktemp -d)
run() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$folder"
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
run "$bin/initdb" -D "$folder/data" -U icc -A trust -E UTF8 >/dev/null
run "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-p $port -k $folder -c listen_addresses=127.0.0.1" start >/dev/null
trap 'run "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
export DATABASE_URL="postgres://icc@127.0.0.1:$port/postgres"
for migration in crates/store/migrations/*.sql; do
    "$bin/psql" "$DATABASE_URL" -q -v ON_ERROR_STOP=1 -f "$migration"
done
mkdir -p .sqlx
rm -f .sqlx/query-*.json
touch crates/store/src/lib.rs
SQLX_OFFLINE_DIR="$PWD/.sqlx" cargo check -p icc-store --all-targets
