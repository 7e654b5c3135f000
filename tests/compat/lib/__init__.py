"""What all suites are run with: brokers, packages, results, the table."""
