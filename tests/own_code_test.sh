#!/usr/bin/env bash
# Codes that are files of coefficients, as NumPy writes them (own_code_make.py): a table with the coefficients of a family computes what the family
# does, bit by bit; any number of pieces; what is refused, and with which words; the ten lines of docs/your-own-code.md. And every family's name is
# in the help and in the manual. Needs Debian's python3-numpy (scripts/setup --models); without it it is skipped, with the reason.
set -uo pipefail

python=/usr/bin/python3
if ! "$python" -c 'import numpy' 2>/dev/null; then
    echo "skipped: python3-numpy is not installed (scripts/setup --models)"
    exit 77
fi
. "$CONVOY_SOURCE_DIR/tests/program.bash"
lenet=$CONVOY_SOURCE_DIR/models/lenet5/lenet5.onnx
digit=$CONVOY_SOURCE_DIR/models/lenet5/digits/000.png
"$python" "$CONVOY_SOURCE_DIR/tests/own_code_make.py" "$scratch" || fail "no archives"
two_gone=(--workers 8 --stragglers 2 --fault 1:kill --fault 4:kill --no-fallback --check --layers)

# coded LAYERS: so many layers of the last run were computed by workers.
coded() {
    [ "$(grep -cE '^(conv|fc)[0-9] .* [0-9]+x[0-9]+ +[0-9]+ ' out)" -eq "$1" ] || fail "$command: not $1 coded layers"
    prints '^check +every answer is that of the uncoded model'
}

# Exactly δ workers are left, so every run decodes from the same answers.
exact=(--no-trials --parts 3,2 "${two_gone[@]}")
run 0 run "$lenet" "$digit" "${exact[@]}" --code vandermonde --output family.npy
coded 5
for table in vandermonde deflated; do
    run 0 run "$lenet" "$digit" "${exact[@]}" --code "table:$table.npz" --output "$table.npy"
    coded 5
    says "^convoy: table:$table.npz: 3 x 2 parts from any 6 of 8 answers \(all 28 sets of workers; κ up to [0-9.e+]+\)$"
    cmp -s family.npy "$table.npy" || fail "$command: not what --code vandermonde computes"
done

run 0 run "$lenet" "$digit" "${two_gone[@]}" --code table:pieces.npz
coded 5
says '^convoy: table:pieces.npz: 4 x 4 parts from any 4 of 8 answers \(all 70 sets of workers; κ up to [0-9.e+]+\)$'
says '^convoy: table:pieces.npz: 1 x 10 parts from any 5 of 8 answers \(all 56 sets of workers; κ up to [0-9.e+]+\)$'
run 0 run "$lenet" "$digit" --workers 8 --stragglers 2 --spawn 8 --no-fallback --check --layers --code table:pieces.npz --verify all
coded 5

# Rows are scaled when they are read, so that neither workers nor the solution leave the range of their numbers.
for table in huge tiny; do
    run 0 run "$lenet" "$digit" "${two_gone[@]}" --code "table:$table.npz"
    coded 5
    if grep -q 'not finite' err; then fail "$command: beyond the range of float32"; fi
done

# Plain parts are copied: nothing is multiplied if they come. fc1 on, since k_A = 6 slices of conv1 are as good.
run 0 run "$lenet" "$digit" --workers 8 --stragglers 2 --fault 6:kill --fault 7:kill --no-fallback --json --code table:systematic.npz
[ "$(grep -oE '"decode_macs": ?0\.0' out | wc -l)" -eq 5 ] || fail "$command: plain parts were multiplied"
for family in systematic replicate; do
    run 0 run "$lenet" "$digit" --workers 8 --stragglers 0 --parts 1,8 --no-fallback --json --code "$family"
    [ "$(grep -oE '"decode_macs": ?0\.0' out | wc -l)" -ge 4 ] || fail "$command: plain parts were multiplied"
done

# A saved plan is for these coefficients.
run 0 plan "$lenet" --workers 8 --stragglers 2 --no-trials --distribute all --code table:vandermonde.npz --out plan.json --quiet
run 0 run "$lenet" "$digit" "${two_gone[@]}" --code table:vandermonde.npz --plan plan.json
coded 5
mkdir another
cp other.npz another/vandermonde.npz
refuses 3 'made for other coefficients' run "$lenet" "$digit" "${two_gone[@]}" --quiet --code table:another/vandermonde.npz --plan plan.json
run 0 plan "$lenet" --workers 8 --stragglers 2 --no-trials --distribute all --code khatri-rao --seed 5 --out plan.json
run 0 run "$lenet" "$digit" "${two_gone[@]}" --code khatri-rao --seed 5 --plan plan.json
refuses 3 'made for another seed' run "$lenet" "$digit" "${two_gone[@]}" --quiet --code khatri-rao --plan plan.json
refuses 3 'cut along the height, not the width' run "$lenet" "$digit" "${two_gone[@]}" --quiet --code khatri-rao --seed 5 --plan plan.json --cut width
run 0 plan "$lenet" --workers 8 --stragglers 2 --no-trials --distribute all --cut width --out plan.json
run 0 run "$lenet" "$digit" "${two_gone[@]}" --cut width --plan plan.json
coded 5
refuses 3 'cut along the width, not the height' run "$lenet" "$digit" "${two_gone[@]}" --quiet --plan plan.json
run 0 inspect "$lenet" --workers 8 --code table:vandermonde.npz --no-trials
run 0 bench "$lenet" --workers 8 --code table:vandermonde.npz --no-trials --layers --runs 1
run 0 bench "$lenet" --workers 8 --code table:vandermonde.npz --no-trials --duration 10ms

table() { refuses "$1" "$2" run "$lenet" "$digit" --quiet --workers 8 --code "table:$3.npz"; }
table 3 "table:twins.npz: 1 x 6 parts cannot be solved for from the answers of workers 2, 3, 4, 5, 6, 7" twins
table 2 'all.npz: 8 of 8 answers are needed, so no more than 0 workers may be missing, not 2' all
table 3 "no_workers.npz: array 'workers' is not there" no_workers
table 3 "half.npz: array 'workers' must be one whole number from 1 on" half
table 3 "no_filters.npz: array 'G_B' is not there" no_filters
table 3 "rows.npz: array 'G_A' must be a matrix of 8 rows, 1 for each of 8 workers" rows
table 3 "misspelt.npz: array 'treshold' has no use" misspelt
table 3 'table:nan.npz: the matrices for 3 x 2 parts are not finite' nan
table 3 "complex.npz: array 'G_A'" complex
table 3 'no_zip.npz' no_zip
table 3 'missing.npz' missing
refuses 2 'vandermonde.npz: made for 8 workers, and this cluster has 6' run "$lenet" "$digit" --quiet --code table:vandermonde.npz
refuses 2 'no room for workers that join later' run "$lenet" "$digit" --quiet --workers 8 --code table:vandermonde.npz --reserve 1
refuses 2 'table:FILE.npz' run "$lenet" "$digit" --code tables:vandermonde.npz

# The page's lines, as they stand there.
sed -n '/^```python$/,/^```$/p' "$CONVOY_SOURCE_DIR/docs/your-own-code.md" | sed '1d;$d' >lines.py
"$python" lines.py || fail "the lines of docs/your-own-code.md"
run 0 run "$lenet" "$digit" --workers 10 --stragglers 2 --code table:mine.npz --fault 3:kill --fault 7:kill --check --no-fallback --layers
coded 4 # conv1 has 6 channels, and seven slices of its 28 rows are as small as eight
says '^convoy: table:mine.npz: 1 x 8 parts from any 8 of 10 answers \(all 45 sets of workers; κ up to [0-9.]+\)$'

run 0 run --help
names=$(awk '/^  --code /{on=1;next} on&&/^  -/{exit} on&&/^                            [a-z]/{print $1}' out)
[ "$(wc -w <<<"$names")" -ge 7 ] || fail "the help lists fewer codes than there are"
for name in $names; do
    grep -qxE "\.Cm $name" "$CONVOY_SOURCE_DIR/man/convoy-run.1" || fail "the manual does not say what --code $name is"
    run 0 run "$lenet" "$digit" --workers 6 --stragglers 0 --code "$name" --no-fallback --check
done
finish own_code_test
