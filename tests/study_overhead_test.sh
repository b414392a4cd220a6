#!/usr/bin/env bash
# convoy study overhead: its files are whole, every family is there with every network, and the trade-off marks what is cheapest. No time is
# looked at. CONVOY is the program, CONVOY_SOURCE_DIR the tree. Without gnuplot, which draws the figure, it is skipped.
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

run 0 study overhead --quick --quiet --out study
for ending in .csv -samples.csv .md .svg .png; do
    [ -s "study/overhead$ending" ] || fail "study/overhead$ending is not there"
done
grep -q '^sweep,family,network,layer,repeats,workers,stragglers,threshold,' study/overhead.csv || fail "the first columns are others"
for table in study/overhead.csv study/overhead-samples.csv; do
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if (seen[$i]++) exit 1; columns = NF } NF != columns { exit 1 }' "$table" ||
        fail "$table: a column's name is there twice, or a row has more or fewer cells"
done

for network in lenet5 alexnet vgg16 resnet18 resnet50; do
    for family in rotation systematic vandermonde chebyshev khatri-rao replicate uncoded; do
        grep -q "^family,$family,$network," study/overhead.csv || fail "no row of $family with $network"
    done
    for sweep in parts workers threshold tradeoff; do
        grep -q "^$sweep,rotation,$network," study/overhead.csv || fail "no row of the sweep $sweep with $network"
    done
done

# Of each layer, δ and ratio one way is the best, and no other costs less.
awk -F, '
    NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
    $1 == "tradeoff" {
        key = $3 "," $4 "," $(at["up_to_store"])
        all[key] = 1
        best[key] += $(at["best"])
        if ($(at["relative_cost"]) < 1 || ($(at["best"]) == 1 && $(at["relative_cost"]) != 1)) exit 1
    }
    END { for (key in all) if (best[key] != 1) exit 1 }' study/overhead.csv || fail "the trade-off does not mark what is cheapest"

finish study_overhead
