"""What the test and benchmark scripts share: where things lie, cases, running them, reports."""
