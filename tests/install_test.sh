#!/usr/bin/env bash
# What `make install` leaves can be used: headers that stand alone, both libraries by pkg-config, the program, the manual.
# shellcheck disable=SC2046 # pkg-config prints words
set -euo pipefail

prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$CONVOY_BUILD_DIR" --prefix "$prefix" >"$prefix/log"

flags=(-std=c17 -pedantic -Wall -Wextra -Werror ${CONVOY_SANITIZE:+-fsanitize=$CONVOY_SANITIZE})
library=$(dirname "$(find "$prefix" -name libconvoy.so)")
export PKG_CONFIG_PATH=$library/pkgconfig

for header in "$prefix"/include/convoy/*.h; do
    printf '#include <convoy/%s>\ntypedef int not_empty;\n' "$(basename "$header")" |
        $CC "${flags[@]}" $(pkg-config --cflags convoy) -fsyntax-only -x c -
done

cat >"$prefix/user.c" <<'C'
#include <convoy/status.h>
#include <convoy/version.h>
#include <stdio.h>

/* A user's own function whose name is free, whatever the library calls its internals. */
int tensor_create(void);
int tensor_create(void) { return 0; }

int main(void) { return tensor_create() + (printf("%s %s\n", CONVOY_VERSION, convoy_status_text(CONVOY_OK)) < 0); }
C
$CC "${flags[@]}" -o "$prefix/shared" "$prefix/user.c" $(pkg-config --cflags --libs convoy)
rm "$library"/libconvoy.so
$CC "${flags[@]}" -o "$prefix/static" "$prefix/user.c" $(pkg-config --cflags --static --libs convoy)
LD_LIBRARY_PATH=$library "$prefix/shared"
"$prefix/static"

version=$(pkg-config --modversion convoy)
if [ -n "${CONVOY:-}" ]; then
    "$prefix/bin/convoy" --version | grep -F "$version"
    test -s "$prefix/share/man/man1/convoy.1"
fi
