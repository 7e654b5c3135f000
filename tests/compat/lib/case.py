"""What a suite is asked for, and what it says."""

from dataclasses import dataclass, field


@dataclass
class Case:
    """One process of a suite's own runner, on one broker.

    `tests` are the names that it must report; one that it does not report has failed. `settings`
    are the broker's configs. `listen` is the address that the tests insist on, if they do. `alone`
    says that nothing may run beside it. `like` is other things that only the suite itself
    understands.
    """

    name: str
    tests: list
    settings: dict = field(default_factory=dict)
    listen: str = None
    alone: bool = False
    like: dict = field(default_factory=dict)


@dataclass
class Result:
    """How one test ended. `cause` is what the suite said about a failure, in one line."""

    passed: bool
    cause: str = ""


class Suite:
    """What every file in `suites/` derives from."""

    name = ""
    version = ""
    about = ""
    # Test -> why one plaintext node without ACLs cannot be asked it. Not counted as applicable.
    left_out = {}
    # What is done with tests for more than to run them as they are; shown on the page.
    remarks = ()
    # The cases (by name) that `--smoke` runs; of a suite that takes long to build, none.
    smoke = ()
    # How long one case may take, in seconds, before it is ended.
    limit = 900
    # How many cases may run at once; 0 leaves it to the runner.
    jobs = 0

    def prepare(self, place):
        """Fetch and build what is needed; does nothing where it is there already."""
        raise NotImplementedError

    def cases(self, place, broker):
        """All cases, for the broker `ottla` or `kafka`."""
        raise NotImplementedError

    def run(self, place, case, tests, broker, work):
        """Run these tests of the case at the running `broker` in the empty directory `work`.

        Gives a dict of test name -> Result.
        """
        raise NotImplementedError
