"""What the action plugins of this collection have in common: questions to a machine, by files/machine.sh.

They are actions and not modules because a module needs a Python on the machine that fits ansible-core's, and the
machines that are upgraded may have an old one: core 2.17 and later need a newer one than EL 7 and EL 8 have.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shlex
import tempfile
import time
import uuid

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

display = Display()

# What every module takes; DOCUMENTATION in plugins/modules tells them.
BUNDLE = {
    "bundle": {"type": "path", "required": True},
    "sha256": {"type": "str"},
    "reports": {"type": "path"},
}
PATIENCE = {
    "timeout": {"type": "int", "default": 7200},
    "link_timeout": {"type": "int", "default": 600},
}

TIME_OUT = 9  # exit code of machine.sh: it has not ended, ask again
SLICE = 20  # seconds that one question waits for an end
PAUSE = 5  # seconds before a machine that was out of reach is tried again

# An upgrade outlives connections, so each question has one of its own that notices when the link is gone. A connection
# that Ansible shares between tasks (ControlPersist) would hang with it, for as long as TCP does.
SSH = " -o ControlPath=none -o ServerAliveInterval=5 -o ServerAliveCountMax=3"

CODES = {
    1: "it failed before anything began",
    2: "the script was called in a wrong way, or not as root (become)",
    3: "it was refused, and nothing was changed",
    4: "it was rolled back: the old release serves, as it was",
    5: "it needs a person",
    6: "the new release serves, agents are pending",
    7: "another one is under way",
    8: "nothing was started",
    TIME_OUT: "it has not ended in time; it goes on, and the same play finds it",
}


# What ssh says of itself among a machine's words.
NOISE = re.compile(r"^(Warning: Permanently added|(Shared c|C)onnection to \S+ closed)")


class Answer:
    """What a machine said: its JSON, and what else, line by line. On a terminal, which ssh gives a command with become,
    standard error comes behind standard output; and a login may print something before both."""

    def __init__(self, code, out, err):
        self.code, self.out, self.json = code, out, {}
        rest = out
        for start in re.finditer(r"^\{", out, re.MULTILINE):
            try:
                value, end = json.JSONDecoder().raw_decode(out, start.start())
            except ValueError:
                continue
            self.json, rest = value, out[:start.start()] + out[end:]
            break
        self.said = [line for line in (rest + "\n" + err).splitlines() if line.strip() and not NOISE.match(line)]


class FleetAction(ActionBase):
    """An action with a bundle. A subclass has its argument spec and what is done."""

    TRANSFERS_FILES = False  # the base class would make a folder on the machine before anything is asked patiently
    _supports_check_mode = True
    _supports_async = False
    spec = {}

    def work(self, result):
        """Does it, and tells of it in result."""
        raise NotImplementedError

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result.update(changed=False)
        self.args = self.validate_argument_spec(argument_spec=dict(BUNDLE, **self.spec))[1]
        for path in ("bundle", "reports"):  # from where the play is run; Ansible's own parts look in the play's folder
            self.args[path] = self.args[path] and os.path.abspath(self.args[path])
        self.args["sha256"] = self.args["sha256"] or self._beside()
        if not re.fullmatch("[0-9a-f]{64}", self.args["sha256"]):
            raise AnsibleActionFail("sha256 has 64 digits and letters from a to f, as sha256sum writes it")
        self.host = (task_vars or {}).get("inventory_hostname", "machine")
        self.link_timeout = self.args.get("link_timeout", 60)
        if self._connection.transport == "ssh":
            self._connection.set_option("ssh_common_args", (self._connection.get_option("ssh_common_args") or "") + SSH)
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "files", "machine.sh"), "rb") as f:
            self.script = f.read()
        self.work(result)
        return result

    def _beside(self):
        """Reads the digest from the file beside the bundle, as sha256sum writes it."""
        path = self.args["bundle"] + ".sha256"
        try:
            with open(path) as f:
                return (f.read(200).split() or [""])[0]
        except OSError as error:
            raise AnsibleActionFail("give sha256, or put the bundle's file of it beside it: %s" % error)

    # --- questions

    def _once(self, word, *args):
        """Asks once. The script is left on the machine, by its digest, in a folder that is root's alone."""
        name = "machine-" + hashlib.sha256(self.script).hexdigest()[:16] + ".sh"
        command = (
            "dir=${ONERPM_FLEET_ROOT-}/var/lib/onerpm-fleet; f=$dir/%s; umask 077; [ -f \"$f\" ] || "
            "{ mkdir -p \"$dir\" && echo %s | base64 -d >\"$f.$$\" && mv \"$f.$$\" \"$f\"; } || exit 2; exec /bin/sh \"$f\" %s </dev/null"
        ) % (name, base64.b64encode(self.script).decode(), " ".join(shlex.quote(str(a)) for a in (word, self.args["sha256"]) + args))
        said = self._low_level_execute_command(command, sudoable=True)
        answer = Answer(said["rc"], said["stdout"], said["stderr"])
        if answer.code > 128:  # what ran was killed, with its sshd for instance
            raise AnsibleConnectionFailure("the question was cut off with exit code %d" % answer.code)
        return answer

    def _patiently(self, ask):
        """Asks again while the machine is out of reach, for link_timeout seconds in a row."""
        lost = None
        while True:
            try:
                return ask()
            except AnsibleConnectionFailure as error:
                lost = lost or time.monotonic()
                if time.monotonic() - lost + PAUSE > self.link_timeout:
                    raise
                display.vv("%s is out of reach, and asked again: %s" % (self.host, error))
                time.sleep(PAUSE)

    def ask(self, word, *args):
        """Asks what is answered at once."""
        return self._patiently(lambda: self._once(word, *args))

    def ask_long(self, word, timeout):
        """Asks what takes long, until it has ended or timeout seconds are over."""
        token, end = str(uuid.uuid4()), time.monotonic() + timeout
        while True:
            left = max(0, int(end - time.monotonic()))
            answer = self._patiently(lambda: self._once(word, token, min(SLICE, left)))
            if answer.code != TIME_OUT or left == 0:
                return answer

    def place(self):
        """Has the machine keep the bundle, unless it does already or the bundle is installed there."""
        answer = self.ask("has")
        if answer.code != 0:
            raise AnsibleActionFail(told(answer))
        if answer.out.split()[-1:] == ["yes"]:
            return
        if not os.path.isfile(self.args["bundle"]):
            raise AnsibleActionFail("there is no file %s" % self.args["bundle"])
        answer = self._patiently(self._transfer)
        if answer.code != 0:
            raise AnsibleActionFail("put the bundle on the machine: " + told(answer))

    def _transfer(self):
        folder = self._make_tmp_path()
        remote = self._connection._shell.join_path(folder, "bundle.rpm")
        self._transfer_file(self.args["bundle"], remote)
        answer = self._once("take", remote)
        self._remove_tmp_path(folder)
        return answer

    # --- answers

    def look(self, result):
        """Has the machine look whether it can be upgraded, and tells what it found; returns whether nothing is in the way."""
        answer = self.ask("check")
        verdict = answer.json
        self.save("check", verdict)
        return self.judge(result, answer, verdict)

    def judge(self, result, answer, verdict):
        found = verdict.get("findings") or []
        result.update(
            exit_code=answer.code,
            verdict=verdict.get("verdict", ""),
            release={"from": verdict.get("from", ""), "to": verdict.get("to", "")},
            findings=found,
        )
        if answer.code == 0 and verdict.get("verdict"):
            return True
        result.update(failed=True, msg="\n".join(causes(verdict)) or told(answer))
        return False

    def diff(self):
        """What comes with the upgrade, as before and after: packages, and the configuration files that are merged."""
        manifest = self.ask("manifest").json

        def packages(key):
            return "".join(sorted("%s-%s-%s\n" % (p.get("name"), p.get("version"), p.get("release")) for p in manifest.get(key) or []))

        merged = "".join("%s (merged with the machine's own)\n" % c["target"] for c in manifest.get("config") or [] if c.get("target"))
        return {
            "before_header": manifest.get("from", ""), "before": packages("old"),
            "after_header": manifest.get("to", ""), "after": packages("new") + merged,
        }

    def fetch_report(self, result):
        """Fetches the report of the last upgrade, and tells it in a few words; one that there was none of is no report."""
        summary = self.ask("summary").json
        if summary.get("outcome", "not-started") == "not-started":
            return {}
        report = self.ask("report").json
        self.save("report", report)
        result.update({key: summary.get(key, "") for key in ("outcome", "window", "cause", "todo")})
        result.setdefault("release", {"from": summary.get("from", ""), "to": summary.get("to", "")})
        return report

    def save(self, name, value):
        """Writes an answer into the folder of reports, a folder for each machine; without a value an older one is removed."""
        if not self.args.get("reports"):
            return
        folder = os.path.join(self.args["reports"], re.sub(r"^\.|[^A-Za-z0-9._-]", "_", self.host))
        path = os.path.join(folder, name + ".json")
        if not value:
            if os.path.exists(path):
                os.remove(path)
            return
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=folder, prefix="." + name)
        with os.fdopen(handle, "w") as f:
            json.dump(value, f, indent=1)
            f.write("\n")
        os.replace(new, path)


def told(answer):
    """What a person is told of an answer that is no success."""
    why = CODES.get(answer.code, "exit code %d" % answer.code)
    return "\n".join([why] + causes(answer.json.get("answer") or answer.json) + answer.said[-10:])


def causes(said):
    """Why the machine's command did nothing, and what to do: an error, what stood in the way, or why nothing was started."""
    found = ["%s (%s); %s" % (f.get("what"), f.get("id"), f.get("do")) for f in said.get("findings") or [] if f.get("level") == "refuse"]
    return found or [said[key] for key in ("why", "do") if said.get(key)]
