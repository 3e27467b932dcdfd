#!/bin/sh
# The last words of `make demo`: what lies in dist/ now, and what to do with it.
set -eu
bundle=$(ls -t dist/*.rpm | head -n 1)
prefix=$(basename "$bundle" | sed 's/-[0-9].*//')
cat <<END

made    $bundle ($(du -h "$bundle" | cut -f1)), with its checksum, SBOM and signature beside it
next    rpm -qlp $bundle                what is in it, as rpm tells it
        make host RELEASE=4.1.1         a shell on a 4.1.1 machine with data (as root); there:
            dnf install -y ./$(basename "$bundle") && $prefix wait
        make test                       everything, on real machines (as root)
END
