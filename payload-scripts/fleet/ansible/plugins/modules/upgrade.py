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
options:
  bundle:
    description: The bundle's RPM, on the controller, from the folder that the play is run in. It is transferred where the machine does not have it yet.
    type: path
    required: true
  sha256:
    description:
      - The bundle's SHA-256, as its publisher tells it. The machine compares it before the bundle is used.
      - Without it the file beside the bundle is read, whose name ends in C(.sha256).
    type: str
  reports:
    description: A folder on the controller. What the machine answers is written into a folder of its name there.
    type: path
  timeout:
    description: Seconds within which what takes long has to end. What has not ended goes on; the next run finds it.
    type: int
    default: 7200
  link_timeout:
    description: Seconds in a row for which the machine may be out of reach.
    type: int
    default: 600
attributes:
  check_mode:
    description: Whether it can be run without changing anything.
    support: full
notes:
  - It is done by the machine's shell, over the connection alone. The machine needs no Python, and root's rights (become).
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
  description: What the check says, C(ready), C(refused) or C(nothing-to-do).
  returned: when the machine was looked at
  type: str
findings:
  description: What was found, each with its C(id), C(level), C(what) and C(do).
  returned: when the machine was looked at
  type: list
  elements: dict
outcome:
  description: How the last upgrade ended, C(upgraded), C(rolled-back), C(refused) or C(needs-a-person).
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
stage:
  description: What the run came to, C(check), C(install), C(start) or C(wait).
  returned: when it ended
  type: str
agents_pending:
  description: Whether agents on other machines are still to be upgraded.
  returned: on success
  type: bool
"""
