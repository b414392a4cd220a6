#!/usr/bin/env bash
# scripts/check-layers passes this tree, and finds each kind of violation seeded into a copy of it.
set -euo pipefail

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
for folder in src cli examples include; do
    if [ -d "$CONVOY_SOURCE_DIR/$folder" ]; then cp -R "$CONVOY_SOURCE_DIR/$folder" "$copy"; fi
done
mkdir -p "$copy"/{cli,examples,include/convoy,src/{base,linalg,model,runtime,compute}}
check=$CONVOY_SOURCE_DIR/scripts/check-layers

"$check" "$copy"

# seeded FILE LINE: with this include in this new file, the check must fail and name the file and its second line.
seeded() {
    printf '/* seeded */\n%s\n' "$2" >"$copy/$1"
    if output=$("$check" "$copy"); then
        echo "not found: $1: $2"
        exit 1
    fi
    if [ "$(wc -l <<<"$output")" -ne 1 ] || [[ $output != "$1:2: "* ]]; then
        printf 'not reported as %s:2, once: %s\n' "$1" "$output"
        exit 1
    fi
    rm "$copy/$1"
}
# clean FILE LINE: the same include where it is allowed.
clean() {
    printf '/* seeded */\n%s\n' "$2" >"$copy/$1"
    "$check" "$copy"
    rm "$copy/$1"
}

seeded src/base/seeded.c '#include "linalg/combine.h"'
seeded src/model/seeded.h '#include "runtime/cluster.h"'
seeded src/model/seeded.c '  #  include "runtime/cluster.h"'
seeded src/runtime/seeded.c '#include "session/session.h"'
seeded src/runtime/seeded.c '#include "../base/error.h"'
seeded src/runtime/seeded.c '#include "error.h"'
seeded cli/seeded.c '#include "base/error.h"'
seeded examples/seeded.c '#include "base/error.h"'
seeded include/convoy/seeded.h '#include "base/error.h"'
seeded src/compute/seeded.c '#include <dnnl.h>'
seeded src/compute/seeded.c '#include <omp.h>'
seeded src/compute/seeded.c '#include <lapacke.h>'
seeded src/model/seeded.c '#include <pb_decode.h>'
seeded src/model/seeded.c '#include <xxhash.h>'
seeded src/model/seeded.c '#include <jpeglib.h>'
seeded src/linalg/seeded.c '#include <pthread.h>'
seeded examples/seeded.c '#include <jansson.h>'
seeded src/io/seeded.c '#include <zip.h>'
seeded src/base/seeded.c '#include <zlib.h>'

clean src/runtime/seeded.c '#include "linalg/combine.h"'
clean src/runtime/seeded.c '#include <pthread.h>'
clean src/compute/onednn_seeded.c '#include <dnnl.h>'
clean src/linalg/seeded.c '#include <lapacke.h>'
clean src/base/seeded_test.c '#include "session/session.h"'
clean cli/seeded.c '#include <jansson.h>'
clean cli/seeded.c '#include <convoy/status.h>'

# The same file name twice.
touch "$copy/src/base/twice.c" "$copy/src/linalg/twice.c"
if "$check" "$copy"; then
    echo "not found: two files named twice.c"
    exit 1
fi
rm "$copy"/src/*/twice.c

# A folder of src/ that is no room.
mkdir "$copy/src/attic"
touch "$copy/src/attic/seeded.c"
if "$check" "$copy"; then
    echo "not found: a folder without a row in the table"
    exit 1
fi
