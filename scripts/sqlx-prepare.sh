#!/usr/bin/env bash
# Writes .sqlx, the offline data by which queries are checked without a database. Needs DATABASE_URL of an empty
# database; `make sqlx` starts one.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DATABASE_URL:?set DATABASE_URL to an empty PostgreSQL database}"
for migration in crates/store/migrations/*.sql; do
    psql "$DATABASE_URL" -q -v ON_ERROR_STOP=1 -f "$migration"
done
mkdir -p .sqlx
rm -f .sqlx/query-*.json
touch crates/store/src/lib.rs
SQLX_OFFLINE_DIR="$PWD/.sqlx" cargo check -p icc-store --all-targets
