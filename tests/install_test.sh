#!/usr/bin/env bash
# What `make install` leaves can be used: headers that stand alone, both libraries by pkg-config, the program, the manual, what shells complete with.
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
    for page in "$CONVOY_SOURCE_DIR"/man/*.1; do cmp "$page" "$prefix/share/man/man1/${page##*/}"; done
    for schema in "$CONVOY_SOURCE_DIR"/docs/json/*.json; do cmp "$schema" "$prefix/share/doc/convoy/json/${schema##*/}"; done
fi
if [ -d "$CONVOY_BUILD_DIR/completions" ]; then # a sanitizer has none
    cmp "$prefix/share/bash-completion/completions/convoy" <("$prefix/bin/convoy" completion bash)
    cmp "$prefix/share/zsh/site-functions/_convoy" <("$prefix/bin/convoy" completion zsh)
    cmp "$prefix/share/fish/vendor_completions.d/convoy.fish" <("$prefix/bin/convoy" completion fish)
fi
