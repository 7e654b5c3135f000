"""What the members of a group have in common: their options, what they say, when they leave.

    PROGRAM BROKER NAME=VALUE...

Options: `name`, `group`, `topic`, `reset` (earliest, latest, none), `commit` (auto, manual),
`session` (ms), and, where the client has it, `assignor` and `instance`.

A member says what it does, one thing a line:

    owns 0,1         the partitions that it has from now on
    got 0 17 value   a record: partition, offset, value
    committed 0 18   its commit of partition 0 was answered: it has done with all before 18
    failed NAME      what the client refused with; nothing comes after it

It leaves the group and ends when its standard input does.
"""

import signal
import sys
import threading

HEARTBEAT_MS = 500
AUTO_COMMIT_MS = 200


class Member:
    """The options, the partitions, and the wish to leave: a flag, and Ctrl-C if that is asked for."""

    def __init__(self, by_interrupt=False):
        self.by_interrupt = by_interrupt
        if by_interrupt:
            # Also where the shell had it ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
        self.broker = sys.argv[1]
        self.options = dict(option.split("=", 1) for option in sys.argv[2:])
        self.owned = set()
        self.is_leaving = threading.Event()
        threading.Thread(target=self._watch_stdin, daemon=True).start()

    def __getitem__(self, name):
        return self.options[name]

    def get(self, name):
        """An option that need not be there."""
        return self.options.get(name)

    @property
    def commits_itself(self):
        """True if the program is to commit, not the client."""
        return self["commit"] == "manual"

    def _watch_stdin(self):
        sys.stdin.read()
        self.is_leaving.set()
        if self.by_interrupt:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    def assigned(self, partitions):
        """These have come; in an eager rebalance all others were revoked before."""
        self.owned |= set(partitions)
        self._say_owned()

    def revoked(self, partitions):
        """These are gone."""
        self.owned -= set(partitions)
        self._say_owned()

    def _say_owned(self):
        print("owns", ",".join(str(p) for p in sorted(self.owned)))

    def got(self, partition, offset, value):
        """A record."""
        print("got", partition, offset, value.decode())

    def committed(self, offsets):
        """A commit was answered: partition to offset."""
        for partition, offset in offsets.items():
            print("committed", partition, offset)

    def failed(self, error):
        """The client refuses to go on."""
        print("failed", error)
