# SPDX-License-Identifier: Apache-2.0
# For guest scripts in bash: the functions of rack_host.py that a shell lacks.
millrace() { echo "\$ millrace $*" >&2; "$MILLRACE_BINARY" "$@"; }

# drive N: /dev/nvmeXn1 of drive number N of the default layout (see rack_host.py), or of a serial number.
drive() { if [[ $1 == ? ]]; then realpath "/dev/rack/rack$RACK_HOST$1"; else realpath "/dev/rack/$1"; fi; }

# address HOST [CABLE]
address() { echo "10.9.${2:-0}.$(($1 + 1))"; }

# barrier NAME [SECONDS]: with two hosts, waits until the other is at the same place of the same test.
barrier() {
  ((RACK_HOSTS == 2)) || return 0
  local at=$RACK_SCRATCH/.$RACK_TEST.$1 other=$((1 - RACK_HOST)) until=$((SECONDS + ${2:-60}))
  : > "$at.$RACK_HOST"
  until [[ -e $at.$other ]]; do
    if [[ -e $RACK_SCRATCH/$RACK_TEST.$other ]] || ((SECONDS > until)); then
      [[ -e $at.$other ]] && return 0
      echo "barrier $1: the other host did not come" >&2
      return 1
    fi
    sleep 0.1
  done
}
