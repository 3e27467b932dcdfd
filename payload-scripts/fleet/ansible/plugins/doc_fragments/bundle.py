"""What all modules of the collection have in common, for their documentation."""

from __future__ import annotations


class ModuleDocFragment:
    """Options, attributes and notes."""

    DOCUMENTATION = """
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
"""

    # of those that wait for something on the machine
    WAITING = """
options:
  timeout:
    description: Seconds within which what takes long has to end. What has not ended goes on; the next run finds it.
    type: int
    default: 7200
  link_timeout:
    description: Seconds in a row for which the machine may be out of reach.
    type: int
    default: 600
"""
