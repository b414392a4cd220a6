# Files that tests of the program make by hand; to be sourced.

# An array of float32 zeros: npy FILE SHAPE BYTES, SHAPE as in "3, 1, 32, 32".
npy() {
    local header="{'descr': '<f4', 'fortran_order': False, 'shape': ($2), }"
    {
        printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
        head -c "$3" /dev/zero
    } >"$1"
}

# Models made by hand, as hexadecimal digits of protobuf: a length-delimited field, a string, a number.
varint() {
    local n=$1 hex=
    while [ "$n" -gt 127 ]; do
        hex+=$(printf %02x $((n & 127 | 128)))
        n=$((n >> 7))
    done
    printf %s%02x "$hex" "$n"
}
field() { printf %s%s%s "$(varint $(($1 << 3 | 2)))" "$(varint $((${#2} / 2)))" "$2"; }
text() { field "$1" "$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')"; }
number() { printf %s%s "$(varint $(($1 << 3)))" "$(varint "$2")"; }
to_file() { sed 's/../\\x&/g' | while IFS= read -r line || [ -n "$line" ]; do printf "$line"; done; }

dims() { for d in "$@"; do field 1 "$(number 1 "$d")"; done; }
value() { text 1 "$1"; field 2 "$(field 1 "$(number 1 1)$(field 2 "$(dims "${@:2}")")")"; } # NAME DIM...
node() { text 4 "$1"; text 3 "$2"; for i in "${@:4}"; do text 1 "$i"; done; text 2 "$3"; }     # OP NAME OUTPUT INPUT...
model() { number 1 7; field 8 "$(number 2 13)"; field 7 "$1"; }                              # GRAPH
