#!/usr/bin/python
# The work is done by plugins/action/upgrade.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: upgrade
short_description: upgrade a machine and wait for the end
description:
  - Looks at the machine, installs the bundle, starts the upgrade and waits for its end; the report is fetched however it ended.
  - The machine does all of it by itself, in a unit of systemd. It goes on when the connection is cut, and is found again.
  - In check mode it is M(onerpm.fleet.check), and tells a change where an upgrade would begin.
extends_documentation_fragment:
  - onerpm.fleet.bundle
  - onerpm.fleet.bundle.waiting
author:
  - The maintainers of this project (@onerpm)
"""

EXAMPLES = """
- name: Upgrade the machine
  onerpm.fleet.upgrade:
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
outcome:
  description: How the last upgrade ended, C(upgraded), C(rolled-back), C(refused) or C(needs-a-person); C(under-way) while it has not.
  returned: when there was one
  type: str
window:
  description: How long the product was out of service.
  returned: when there was an upgrade
  type: str
cause:
  description: The first cause of a failure.
  returned: when there was an upgrade
  type: str
todo:
  description: What to do next, empty for nothing.
  returned: when there was an upgrade
  type: str
stage:
  description: What the run came to, C(check), C(install), C(start) or C(wait).
  returned: when it ended
  type: str
agents_pending:
  description: Whether agents on other machines are still to be upgraded.
  returned: on success
  type: bool
"""
