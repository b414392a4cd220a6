#!/usr/bin/env bash
# No script judges by "COMMAND | grep -q": grep ends at the first match, COMMAND is then ended by SIGPIPE, and where pipefail is set the pipe has
# failed although there is a match, now and then. grep -q reads from <<<"$(COMMAND)" or from a file.
set -uo pipefail

cd "$CONVOY_SOURCE_DIR" || exit 1
found=$(grep -nE '\| *grep +-[A-Za-z]*q' tests/*.sh tests/*.bash scripts/* packaging/*.sh .ci/* bench/*.sh 2>/dev/null | grep -v 'shell_habits_test')
if [ -n "$found" ]; then
    echo "FAILED: these pipes into grep -q may fail although there is a match:"
    echo "$found"
    exit 1
fi
echo "shell_habits_test: all good"
