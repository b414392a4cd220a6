#!/usr/bin/env bash
# convoy study numerics: its files are whole, its columns are those that are promised, every family is there, and κ is what NumPy computes from
# the complex matrices (study_numerics_oracle.py). CONVOY is the program, CONVOY_SOURCE_DIR the tree. Without gnuplot, which draws the
# figure, it is skipped; without Debian's python3-numpy NumPy is left out.
set -uo pipefail

if ! command -v gnuplot >/dev/null; then
    echo "skipped: gnuplot is not installed (Debian's gnuplot-nox)"
    exit 77
fi
if [ "${CONVOY_SANITIZE:-}" = thread ]; then
    echo "skipped: a whole study with the sanitizer $CONVOY_SANITIZE takes minutes; its pieces have tests of their own"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"

run 0 study numerics --quick --quiet --out study
for ending in .csv -samples.csv .md .svg .png; do
    [ -s "study/numerics$ending" ] || fail "study/numerics$ending is not there"
done
grep -qE '^family,placement,n,delta,gamma,sets,kappa_worst,kappa_mean,kappa_median,' study/numerics.csv || fail "the first columns are others"
grep -qE '^family,placement,n,delta,set,loss,kappa,nu,' study/numerics-samples.csv || fail "the samples' first columns are others"
for table in study/numerics.csv study/numerics-samples.csv; do
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if (seen[$i]++) exit 1; columns = NF } NF != columns { exit 1 }' "$table" ||
        fail "$table: a column's name is there twice, or a row has more or fewer cells"
done

# Every family at every size: those whose answers are copies have no figures.
for size in 5,4 10,8 20,16 31,28 40,32 48,32 60,32; do
    for family in rotation,plain rotation,spread systematic,- vandermonde,- chebyshev,- khatri-rao,- replicate,- uncoded,-; do
        grep -q "^$family,$size," study/numerics.csv || fail "no row $family,$size"
    done
    grep -q "^uncoded,-,$size,[0-9]*,n/a,n/a," study/numerics.csv || fail "uncoded has a condition number at $size"
done

# What the page says of its own figures is not "more than".
grep -q 'which is no more than the 1e-27 that was wanted' study/numerics.md || fail "the mean squared error of AlexNet is larger than it may be"

if /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
    /usr/bin/python3 "$CONVOY_SOURCE_DIR/tests/study_numerics_oracle.py" study/numerics.csv study/numerics-samples.csv || fail "NumPy's condition numbers are others"
else
    echo "python3-numpy is not installed (scripts/setup --models): nothing to compare with"
fi

finish study_numerics
