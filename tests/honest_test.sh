#!/usr/bin/env bash
# Of 20,000 answers of honest workers none is called wrong (scripts/verify-honest, LeNet-5 alone). HONEST_ANSWERS: how many; SEED: of the inputs.
set -uo pipefail

/usr/bin/python3 -c 'import numpy' 2>/dev/null || { echo "skipped: /usr/bin/python3 has no numpy (scripts/setup --ci)"; exit 77; }
"$CONVOY_SOURCE_DIR/scripts/verify-honest" "${HONEST_ANSWERS:-20000}" || { echo "honest_test: an honest answer was called wrong, or not told from a wrong one"; exit 1; }
echo "honest_test: all good"
