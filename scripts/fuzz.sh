#!/usr/bin/env bash
# Runs the fuzz targets, one after the other, each for FUZZ_SECONDS (600), and prints a table. Fails if one crashed; the
# input is then under fuzz/artifacts. Arguments: targets, all by default. What is found new is kept under fuzz/target;
# fuzz/corpus is what is committed.
#
# The compiler is the stable one of the project (RUSTC_BOOTSTRAP lets it instrument). No sanitizer by default: the
# project has no unsafe code, and twice as many executions find more; FUZZ_SANITIZER=address watches the dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."
SECONDS_EACH=${FUZZ_SECONDS:-600}
SANITIZER=${FUZZ_SANITIZER:-none}
VERSION=0.13.2
LIMITS=(-timeout=25 -rss_limit_mb=2048 -max_len=4096)
export RUSTC_BOOTSTRAP=1 SQLX_OFFLINE=true PATH="$PWD/target/tools/bin:$PATH"

command -v cargo-fuzz >/dev/null ||
    cargo install cargo-fuzz --version "$VERSION" --locked --root target/tools --target-dir target/tools/build
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
cargo fuzz build -s "$SANITIZER"

failed=0
table=""
for name in "${targets[@]}"; do
    found="fuzz/target/found/$name" log="fuzz/target/found/$name.log" crashes=0
    mkdir -p "$found" "fuzz/corpus/$name"
    cargo fuzz run -s "$SANITIZER" "$name" "$found" "fuzz/corpus/$name" -- \
        -max_total_time="$SECONDS_EACH" -print_final_stats=1 "${LIMITS[@]}" >"$log" 2>&1 || crashes=1
    [ "$crashes" = 0 ] || { failed=1; grep -a "panicked at" -A 2 "$log" || tail -n 20 "$log"; }
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    coverage=$(grep -ao "cov: [0-9]*" "$log" | tail -n 1 | cut -d' ' -f2)
    row=$(printf '%-12s %8s %12s %8s %9s %8s' "$name" "$SECONDS_EACH" "$(stat number_of_executed_units)" \
        "$(stat average_exec_per_sec)" "${coverage:-?}" "$crashes")
    echo "$row"
    table+="$row"$'\n'
done
printf '\n%-12s %8s %12s %8s %9s %8s\n%s' target seconds executions exec/s coverage crashes "$table"
exit "$failed"
