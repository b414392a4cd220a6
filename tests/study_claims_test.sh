#!/usr/bin/env bash
# convoy study claims: its files are whole, every claim has its rows and its line, and what has no clock in it holds: every set of survivors
# is decoded, and the mean squared error stays under the paper's. CONVOY is the program, CONVOY_SOURCE_DIR the tree. Without gnuplot, which
# draws the figure, it is skipped.
set -uo pipefail

if ! command -v gnuplot >/dev/null; then
    echo "skipped: gnuplot is not installed (Debian's gnuplot-nox)"
    exit 77
fi
if [ -n "${CONVOY_SANITIZE:-}" ]; then
    echo "skipped: a whole study with the sanitizer $CONVOY_SANITIZE takes minutes; its pieces have tests of their own"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"

run 0 study claims --quick --quiet --out study
for ending in .csv -samples.csv .md .svg .png; do
    [ -s "study/claims$ending" ] || fail "study/claims$ending is not there"
done
grep -q '^claim,family,network,layer,workers,stragglers,lost,threshold,' study/claims.csv || fail "the first columns are others"
for table in study/claims.csv study/claims-samples.csv; do
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if (seen[$i]++) exit 1; columns = NF } NF != columns { exit 1 }' "$table" ||
        fail "$table: a column's name is there twice, or a row has more or fewer cells"
done

for claim in 'any set' stability resilience 'resilience with fallback' scaling optimum; do
    grep -q "^$claim,rotation" study/claims.csv || fail "no row of the claim $claim"
done
[ "$(sed '/^## /,$d' study/claims.md | grep -cE '\| (yes|partly|no) \|$')" = 5 ] || fail "the first table has not a line for each claim"
grep -q '^| any δ .* | yes |$' study/claims.md || fail "not every set of survivors is decoded"
grep -q '^| numerical stability: .* | yes |$' study/claims.md || fail "the mean squared error is larger than the paper's"

# All families decode all sets.
awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $(at["quantity"]) == "sets" { sets[$2] = $(at["value"]) }
    $(at["quantity"]) == "sets_decoded" { decoded[$2] = $(at["value"]) }
    END { for (family in sets) { families++; if (sets[family] < 1 || sets[family] != decoded[family]) exit 1 }
          if (families < 7) exit 1 }' study/claims.csv || fail "a family does not decode all sets"

finish study_claims
