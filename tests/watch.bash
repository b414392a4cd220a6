# What processes cost while they run; sourced by tests of the program, after program.bash.

resident_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null; }
descriptors() { find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l; }

# watch NAME PID MASTER: the resident memory of a process, in kB, and its descriptors, every 0.1 s, to NAME.seen, as long as the master runs.
watch() {
    local kb count
    while kill -0 "$3" 2>/dev/null; do
        count=$(descriptors "$2")
        kb=$(resident_kb "$2")
        if [ -n "$kb" ] && [ "$count" -gt 0 ]; then echo "$kb $count"; fi
        sleep 0.1
    done >"$1.seen"
}

# flat NAME KB: from the first quarter on, memory grows by less than so much.
flat() {
    awk -v name="$1" -v bound="$2" '{ kb[NR] = $1 } END {
        early = int(NR / 4) + 1
        for (i = early; i <= NR; i++) if (kb[i] > most) most = kb[i]
        printf "%s: %.1f MB at first, %.1f MB after a quarter of the time, at most %d kB more later, %.1f MB at the end (%d looks)\n", name,
            kb[1] / 1024, kb[early] / 1024, most - kb[early], kb[NR] / 1024, NR
        exit !(NR >= 8 && most - kb[early] < bound) }' "$1.seen" || fail "the memory of the $1 grows, or the run was too short to tell"
}

# flat_descriptors NAME COUNT: after the first quarter there are at most so many more than in it.
flat_descriptors() {
    awk -v name="$1" -v bound="$2" '{ count[NR] = $2 } END {
        early = int(NR / 4) + 1
        for (i = 1; i <= early; i++) if (count[i] > before) before = count[i]
        for (; i <= NR; i++) if (count[i] > after) after = count[i]
        printf "%s: %d descriptors at first, at most %d in the first quarter of the time, %d later, %d at the end\n", name, count[1], before, after, count[NR]
        exit !(NR >= 8 && after - before <= bound) }' "$1.seen" || fail "the descriptors of the $1 become more, or the run was too short to tell"
}
