#!/bin/sh
# Does an image of docker/Dockerfile work? From synthetic people to poses in a picture, inside, in a few minutes:
#   docker/smoke_test.sh [IMAGE]                   # dozens
#   ENGINE=buildah docker/smoke_test.sh [IMAGE]    # without a Docker engine, as root
# BUILDAH has buildah's global options, such as --storage-driver vfs.
set -eu
image=${1:-dozens}
engine=${ENGINE:-docker}

steps='set -eux
test "$(id -u)" -ne 0
test "$(pwd)" = /work && touch written && rm written
test ! -e /opt/dozens/.git && test ! -e /opt/dozens/runs
dozens skeletons --json > /dev/null
cd "$(mktemp -d)"
dozens synthesize --simple --out pile --examples-per-dataset 12 --test-examples 4 --image-side 96 --workers 1
dozens doctor pile/synthetic_h36m
dozens crops smoke --pile pile --out sheet.png
dozens train smoke --pile pile --out run
dozens export run --out exported --detector none
dozens pose sheet.png --model exported/savedmodel/1 --out poses
test -s poses/poses.json
ls -l poses'

case $engine in
docker)
    docker run --rm --entrypoint sh "$image" -c "$steps"
    ;;
buildah)
    # shellcheck disable=SC2086  # several options
    container=$(buildah ${BUILDAH:-} from --pull-never "$image")
    # shellcheck disable=SC2086
    trap 'buildah ${BUILDAH:-} rm "$container" > /dev/null' EXIT
    # shellcheck disable=SC2086
    buildah ${BUILDAH:-} run --isolation chroot "$container" -- sh -c "$steps"
    ;;
*)
    echo "ENGINE is '$engine', expected docker or buildah" >&2
    exit 2
    ;;
esac
echo "$image works"
