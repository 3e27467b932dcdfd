#!/usr/bin/python
# The work is done by plugins/action/check.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: check
short_description: look whether a machine can be upgraded
description:
  - Has the bundle look at the machine. Nothing is installed; the bundle is kept and unpacked in a folder of its own.
  - It fails when something stands in the way, and tells all of it at once.
options:
  rehearse:
    description: Also try the upgrade on copies, which takes room and time on the machine.
    type: bool
    default: false
  warnings_fail:
    description: Fail on warnings too.
    type: bool
    default: false
extends_documentation_fragment:
  - onerpm.fleet.bundle
  - onerpm.fleet.bundle.waiting
author:
  - The maintainers of this project (@onerpm)
"""

EXAMPLES = """
- name: Look at the machine
  onerpm.fleet.check:
    bundle: upgrades/example-upgrade-4.2.0.rpm
    sha256: "{{ upgrade_sha256 }}"
    reports: reports
"""

RETURN = """
exit_code:
  description: Exit code of the machine's command, as documented with it.
  returned: always
  type: int
release:
  description: The releases C(from) and C(to) of the bundle.
  returned: when the machine answered
  type: dict
verdict:
  description: What the check says, C(ready), C(refused), C(nothing-to-do), C(under-way) or C(needs-a-person).
  returned: when the machine was looked at
  type: str
findings:
  description: What was found, each with its C(id), C(level), C(what) and C(do).
  returned: when the machine was looked at
  type: list
  elements: dict
rehearsal:
  description: What the rehearsal says.
  returned: with C(rehearse)
  type: dict
"""
