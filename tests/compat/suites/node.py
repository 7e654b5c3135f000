"""The end-to-end tests of node-rdkafka, which come with its package; a process for each file.

Node itself comes from npm, too: some tests depend on its version.
"""

import json

from lib import place as p
from lib.case import Case, Result, Suite

# Those of the package's run_docker.sh.
TOPICS = ("test", "test2", "test3", "test4", "test5", "test6")


class Node(Suite):
    name = "node"
    version = "3.6.1"
    about = "node-rdkafka, end to end"
    limit = 900
    jobs = 1
    remarks = (
        "With the Node of `tests/compat/node/package-lock.json`: under Node 20 three tests of empty "
        "keys and values fail on any broker.",
        "The topics of the package's `run_docker.sh` are made before each file.",
    )

    def prepare(self, place):
        p.interop_clients()
        self.built = place.interop / "node-rdkafka"
        self.package = self.built / "node_modules" / "node-rdkafka"
        self.node = self.built / "node"
        mocha = self.built / "node_modules" / "mocha" / "bin" / "mocha.js"
        self.mocha = [self.node, mocha, "--exit"]

    def cases(self, place, broker):
        cases = []
        for spec in sorted((self.package / "e2e").glob("*.spec.js")):
            name = spec.name.removesuffix(".spec.js")
            tests = [f"{name}: {title}" for title in self._titles(spec)]
            assert len(set(tests)) == len(tests), f"{spec} has two tests of one name"
            cases.append(Case(name, tests, {"num.partitions": "1"}))
        return cases

    def _titles(self, spec):
        said = p.check([*self.mocha, "--dry-run", "--reporter", "json", spec], self.package)
        # The binding may say something first.
        return [test["fullTitle"] for test in json.loads(said[said.index("{") :])["tests"]]

    def run(self, place, case, tests, broker, work):
        spec = self.package / "e2e" / f"{case.name}.spec.js"
        said = work / "said.json"
        env = {"KAFKA_HOST": broker.address}
        p.check([self.node, p.HERE / "node" / "topics.js", self.package, broker.address, *TOPICS])
        command = [*self.mocha, "--timeout", "120000", "--reporter", "json"]
        command += ["--reporter-option", f"output={said}", spec]
        status, _ = p.run(command, work, self.limit, env)
        try:
            report = json.loads(said.read_text())
        except (OSError, ValueError):
            report = {"passes": [], "failures": []}
        passed = {f"{case.name}: {test['fullTitle']}" for test in report["passes"]}
        causes = {
            f"{case.name}: {test['fullTitle']}": test["err"].get("message", "")
            for test in report["failures"]
        }
        hooks = [cause for test, cause in causes.items() if '" hook' in test]
        results = {}
        for test in tests:
            cause = causes.get(test) or (hooks or [f"was not reached, exit status {status}"])[0]
            results[test] = Result(test in passed, "" if test in passed else one_line(cause))
        return results


def one_line(text):
    return " ".join(text.split())[:300]


SUITE = Node()
