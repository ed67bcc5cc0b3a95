"""For all tests: the sample service's own tests run in its image, not here."""

collect_ignore = ["sample_app"]
