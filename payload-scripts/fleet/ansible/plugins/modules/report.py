#!/usr/bin/python
# The work is done by plugins/action/report.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: report
short_description: fetch the report of the last upgrade of a machine
description:
  - Fetches the report, as it is now, of the last upgrade to the bundle release.
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
- name: Fetch the report
  onerpm.fleet.report:
    bundle: upgrades/example-upgrade-4.2.0.rpm
    sha256: "{{ upgrade_sha256 }}"
    reports: reports
"""

RETURN = """
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
report:
  description: The report, empty when there was no upgrade.
  returned: always
  type: dict
"""
