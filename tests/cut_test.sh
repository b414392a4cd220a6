#!/usr/bin/env bash
# --cut width on a network whose layers lie in blocks of channels, one behind the other: by workers, with some of them gone, with answers that are
# checked, and computed here, whether all workers are gone, the layers are faster here, or numbers are too large for frames of float16.
set -uo pipefail

. "$CONVOY_SOURCE_DIR/tests/program.bash"
unet=$CONVOY_SOURCE_DIR/models/unet/unet.onnx
scene=$(find "$CONVOY_SOURCE_DIR/models/unet/scenes" -name '*.png' | sort | sed -n 1p)
options=(--workers 4 --stragglers 1 --cut width --check)

same() { prints '^check +every answer is that of the uncoded model'; }

run 0 run "$unet" "$scene" "${options[@]}" --fault 2:kill --no-fallback
same
prints '^degraded +no$'
run 0 run "$unet" "$scene" "${options[@]}" --code systematic --fault 1:kill --no-fallback --verify all
same
run 0 run "$unet" "$scene" "${options[@]}" --spawn 4 --no-fallback
same
run 0 run "$unet" "$scene" "${options[@]}" --fault 0:kill --fault 1:kill --fault 2:kill --fault 3:kill
same
slow=()
for worker in 0 1 2 3; do slow+=(--fault $worker:slow=100x); done
run 0 run "$unet" "$scene" "${options[@]}" "${slow[@]}" --adapt --repeat 12 --no-fallback --layers
same
grep -qE '^layer .* here ' out || fail "$command: no layer was computed here"
finish cut_test
