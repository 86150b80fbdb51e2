# Shared by the scripts of eng/; sourced, not run.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The real parts (tools, kernel, images) lie outside the checkout, so that a fresh clone finds them again.
cache=${VIRTIOFS_STORE_DEV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/virtiofs-store-dev}
export VIRTIOFS_STORE_DEV_CACHE=$cache DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# No build server outlives a script.
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }
# seconds SINCE: the seconds with one decimal since the EPOCHREALTIME value SINCE.
seconds() { local tenths=$(((${EPOCHREALTIME/./} - ${1/./}) / 100000)); printf '%d.%d' $((tenths / 10)) $((tenths % 10)); }

# build ARGUMENT...: dotnet build, which is heard only if it fails.
build() {
    local output
    output=$(dotnet build -v quiet --nologo "$@" 2>&1) || { say "$output"; die 'the build has failed'; }
}
