# For the scripts beside it: projects over what a real system printed, and verdicts that must come out. To be sourced.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tickmark=${TICKMARK:-$root/target/debug/tickmark}
work=$(mktemp -d)
failed=0
held=0
# What a script starts, it ends: `cleanup` may be defined anew.
cleanup() { :; }
trap 'cleanup; rm -rf "$work"' EXIT

[ -x "$tickmark" ] || cargo build --quiet --locked --manifest-path "$root/Cargo.toml"

# project NAME: a folder with evidence/, to whose tickmark.toml standard input is added.
project() {
  mkdir -p "$work/$1/evidence"
  { echo "name = \"$1\""; cat; } > "$work/$1/tickmark.toml"
}

# assess NAME AS_OF: runs it; what it says is kept. Findings are no failure here, an unusable project is.
assess() {
  code=0
  "$tickmark" run --project "$work/$1" --as-of "$2" > "$work/$1/said" 2>&1 || code=$?
  if [ ! -d "$work/$1/report" ]; then
    cat "$work/$1/said" >&2
    exit 2
  fi
  now=$1
}

# holds CONTROL SUBJECT VERDICT: of the project that was assessed last. A subject that ends in `*` is every one that begins so.
holds() {
  given=$(awk -F, -v id="$2" '
    { gsub(/^"|"$/, "", $1) }
    id ~ /\*$/ ? index($1, substr(id, 1, length(id) - 1)) == 1 : $1 == id { print $2 }
  ' "$work/$now/report/populations/$1.csv" 2> /dev/null | sort -u | tr '\n' ' ')
  if [ "$given" = "$3 " ]; then
    held=$((held + 1))
  else
    echo "$now: $1 on $2: ${given:-no such subject}, and $3 was expected" >&2
    failed=$((failed + 1))
  fi
}

# nowhere NAME TEXT: it is in nothing that the run said or left behind.
nowhere() {
  if grep -rqF -e "$2" "$work/$1/report" "$work/$1/said"; then
    echo "$1: a secret got out: it is in $(grep -rlF -e "$2" "$work/$1/report" "$work/$1/said" | sed "s|$work/||" | tr '\n' ' ')" >&2
    failed=$((failed + 1))
  else
    held=$((held + 1))
  fi
}

done_with() {
  if [ "$failed" -gt 0 ]; then
    echo "$1: $failed of $((failed + held)) do not hold" >&2
    exit 1
  fi
  echo "$1: all $held hold"
}
