#!/usr/bin/python
# The work is done by plugins/action/agents.py; this is its documentation.

from __future__ import annotations

DOCUMENTATION = """
module: agents
short_description: upgrade the agents of a machine
description:
  - Has the agents on other machines upgraded that are pending after an upgrade, and waits for their end. In check mode it does nothing.
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
- name: Upgrade the agents
  onerpm.fleet.agents:
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
agents:
  description: How the agents are.
  returned: always
  type: dict
"""
